// Marks that lie on each other are moved apart, on a spiral around their place.

const TRIES = 150;
const TURN = 2.4; // radians: the golden angle, which fills a disc evenly

/** From places {x, y}, all in pixels, how far each is to be moved to be so far apart: [x, y]. */
export function spread(places, apart) {
  const taken = new Map();
  const cell = (x, y) => `${Math.floor(x / apart)} ${Math.floor(y / apart)}`;
  const free = (x, y) => {
    for (let i = -1; i <= 1; i += 1) {
      for (let j = -1; j <= 1; j += 1) {
        for (const [a, b] of taken.get(cell(x + i * apart, y + j * apart)) ?? []) {
          if (Math.hypot(a - x, b - y) < apart) {
            return false;
          }
        }
      }
    }
    return true;
  };
  return places.map(({ x, y }) => {
    let [a, b] = [x, y];
    for (let n = 1; n < TRIES && !free(a, b); n += 1) {
      const away = apart * 0.55 * Math.sqrt(n);
      [a, b] = [x + away * Math.cos(n * TURN), y + away * Math.sin(n * TURN)];
    }
    const key = cell(a, b);
    taken.set(key, [...(taken.get(key) ?? []), [a, b]]);
    return [a - x, b - y];
  });
}
