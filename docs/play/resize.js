// Pictures at another size, as impasto does it: bicubic, antialiased (PyTorch's `interpolate(mode="bicubic", antialias=True)`).

const SHARP = -0.5;

/** The cubic of Keys 1981. */
function cubic(x) {
  const r = Math.abs(x);
  if (r < 1) return ((SHARP + 2) * r - (SHARP + 3)) * r * r + 1;
  return r < 2 ? SHARP * (((r - 5) * r + 8) * r - 4) : 0;
}

/** Of each new pixel: the first old one that counts, and the weights of those from there. */
function weights(before, after) {
  const step = before / after;
  const wide = Math.max(1, step);
  return Array.from({ length: after }, (_, i) => {
    const center = (i + 0.5) * step;
    const first = Math.max(0, Math.trunc(center - 2 * wide + 0.5));
    const last = Math.min(before, Math.trunc(center + 2 * wide + 0.5));
    const raw = Array.from({ length: last - first }, (_, j) => cubic((first + j + 0.5 - center) / wide));
    const sum = raw.reduce((a, b) => a + b);
    return { first, shares: Float32Array.from(raw, (each) => each / sum) };
  });
}

/** The sides of a picture whose long side becomes `size`. */
export function sidesFor({ width, height }, size) {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const other = Math.max(1, Math.floor((2 * short * size + long) / (2 * long)));
  return height >= width ? { width: other, height: size } : { width: size, height: other };
}

/** {width, height, data: RGBA bytes} -> {width, height, data: three planes from 0 to 1}, at other sides. */
export function planes(picture, { width, height }) {
  const { width: columns, height: rows, data } = picture;
  const across = weights(columns, width);
  const down = weights(rows, height);
  const made = new Float32Array(3 * width * height);
  const narrow = new Float32Array(rows * width);
  for (let channel = 0; channel < 3; channel++) {
    across.forEach(({ first, shares }, x) => {
      for (let y = 0; y < rows; y++) {
        let sum = 0;
        for (let j = 0, at = (y * columns + first) * 4 + channel; j < shares.length; j++, at += 4) sum += shares[j] * data[at];
        narrow[y * width + x] = sum / 255;
      }
    });
    down.forEach(({ first, shares }, y) => {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let j = 0, at = first * width + x; j < shares.length; j++, at += width) sum += shares[j] * narrow[at];
        made[(channel * height + y) * width + x] = Math.min(1, Math.max(0, sum));
      }
    });
  }
  return { width, height, data: made };
}

/** The last columns and rows repeated until both sides are multiples of `unit`. */
export function padded({ width, height, data }, unit) {
  const [wide, high] = [width, height].map((side) => Math.ceil(side / unit) * unit);
  const made = new Float32Array(3 * wide * high);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < high; y++) {
      const from = (channel * height + Math.min(y, height - 1)) * width;
      const to = (channel * high + y) * wide;
      made.set(data.subarray(from, from + width), to);
      made.fill(data[from + width - 1], to + width, to + wide);
    }
  }
  return { width: wide, height: high, data: made };
}

/** The upper left part of planes. */
export function cropped({ width: wide, height: high, data }, { width, height }) {
  const made = new Float32Array(3 * width * height);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      const from = (channel * high + y) * wide;
      made.set(data.subarray(from, from + width), (channel * height + y) * width);
    }
  }
  return { width, height, data: made };
}

/** Planes as RGBA bytes. */
export function bytes({ width, height, data }) {
  const [made, places] = [new Uint8ClampedArray(4 * width * height).fill(255), width * height];
  for (let i = 0; i < places; i++) {
    for (let channel = 0; channel < 3; channel++) made[4 * i + channel] = 255 * data[channel * places + i];
  }
  return made;
}
