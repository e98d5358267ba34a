// Room on the map: words that would lie on marks or on each other.

/** Whether a box [left, top, right, bottom] meets none of those taken. */
export function free(box, taken) {
  return !taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
}

/** The box around a point {x, y}, so far to each side. */
export function around(point, half) {
  return over(point, 2 * half, 2 * half);
}

/** Whether a box lies in another one. */
export function within(box, whole) {
  return box[0] >= whole[0] && box[1] >= whole[1] && box[2] <= whole[2] && box[3] <= whole[3];
}

/** The box of this width and height in the middle of which a point lies. */
export function over({ x, y }, width, height) {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** The boxes of this width and height below, above, right and left of a point, the nearest first. */
export function beside({ x, y }, width, height, distances) {
  const [half, middle] = [width / 2, y - height / 2];
  return distances.flatMap((away) => [
    [x - half, y + away, x + half, y + away + height],
    [x - half, y - away - height, x + half, y - away],
    [x + away, middle, x + away + width, middle + height],
    [x - away - width, middle, x - away, middle + height],
  ]);
}
