// Room on the map: words that would lie on marks or on each other.

/** Whether a box [left, top, right, bottom] meets none of those taken. */
export function free(box, taken) {
  return !taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
}

/** The box around a point {x, y}, so far to each side. */
export function around({ x, y }, half) {
  return [x - half, y - half, x + half, y + half];
}
