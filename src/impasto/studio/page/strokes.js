// Masks as lists of strokes at the pixels of the picture that they are of; they become an image when they are sent.

import { ask } from "./api.js";

const LARGEST = 2048; // pixels of a mask's long side
const FAR = 20000; // pixels that a stroke is drawn aside, so that its soft shadow alone is seen

/** The size of a mask of a picture: as large, 2048 pixels at most. */
export function sized({ width, height }) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** A canvas with a mask in a color; what is erased is erased in turn.
 *  A mask is {of: {width, height}, strokes: [{points, size, soft, erase}], base}; strokes go on top of the base. */
export function drawn({ of, strokes, base }, color) {
  const target = document.createElement("canvas");
  const context = Object.assign(target, sized(of)).getContext("2d");
  const side = Math.max(target.width, target.height);
  if (base) {
    context.drawImage(base, 0, 0, target.width, target.height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = color;
    context.fillRect(0, 0, target.width, target.height);
  }
  for (const stroke of strokes) {
    const width = stroke.size * side;
    const blur = stroke.soft * width * 0.5;
    context.save();
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: Math.max(1, width - blur), strokeStyle: color });
    Object.assign(context, { shadowColor: color, shadowBlur: blur, shadowOffsetX: FAR });
    context.translate(-FAR, 0);
    context.beginPath();
    const [first, ...others] = stroke.points.map(([x, y]) => [x * target.width, y * target.height]);
    context.moveTo(...first);
    context.lineTo(first[0] + 0.01, first[1]);
    for (const point of others) context.lineTo(...point);
    context.stroke();
    context.restore();
  }
  return target;
}

/** White on black, with 8 bits. */
export function image(mask) {
  const flat = Object.assign(document.createElement("canvas"), sized(mask.of));
  const context = flat.getContext("2d");
  context.fillRect(0, 0, flat.width, flat.height);
  context.drawImage(drawn(mask, "#fff"), 0, 0);
  return new Promise((done) => flat.toBlob(done, "image/png"));
}

export const isPainted = (mask) => Boolean(mask && (mask.base || mask.strokes.some((stroke) => !stroke.erase)));

/** The picture of a mask that came back with a run's settings: white that is seen where the mask is in. */
export async function baseOf(id) {
  const picture = await createImageBitmap(await (await ask(`/pictures/${id}?size=${LARGEST}`)).blob());
  const base = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const context = base.getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, base.width, base.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    pixels.data[i + 3] = (pixels.data[i + 3] * (pixels.data[i] + pixels.data[i + 1] + pixels.data[i + 2])) / 765;
    pixels.data.fill(255, i, i + 3);
  }
  context.putImageData(pixels, 0, 0);
  return base;
}
