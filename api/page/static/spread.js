// Marks that lie on each other are moved apart, on a spiral around their place.

const TRIES = 150;
const TURN = 2.4; // radians: the golden angle, which fills a disc evenly
const WIDE = 1 << 16; // cells in a row, more than any map has
const NEAR = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => i * WIDE + j));

/** From places {x, y}, all in pixels, how far each is to be moved to be so far apart: [x, y]. */
export function spread(places, apart) {
  const taken = new Map(); // by cell
  const turned = new Map(); // how far on the spiral the last one of a cell stands: what is before is full
  const cell = (x, y) => Math.floor(x / apart) * WIDE + Math.floor(y / apart);
  const near = ([a, b], x, y) => (a - x) ** 2 + (b - y) ** 2 < apart ** 2;
  const free = (x, y) => {
    const middle = cell(x, y);
    return !NEAR.some((aside) => taken.get(middle + aside)?.some((other) => near(other, x, y)));
  };
  return places.map(({ x, y }) => {
    const home = cell(x, y);
    let n = free(x, y) ? 0 : (turned.get(home) ?? 1);
    let [a, b] = [x, y];
    for (; n; n += 1) {
      const away = apart * 0.55 * Math.sqrt(n);
      [a, b] = [x + away * Math.cos(n * TURN), y + away * Math.sin(n * TURN)];
      if (n === TRIES || free(a, b)) {
        break;
      }
    }
    turned.set(home, Math.max(n, turned.get(home) ?? 1));
    const key = cell(a, b);
    taken.set(key, [...(taken.get(key) ?? []), [a, b]]);
    return [a - x, b - y];
  });
}
