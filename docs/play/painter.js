// The worker that paints: five graphs (impasto export) and the little that lies between them.

import * as ort from "./runtime/ort.mjs";
import { bytes, cropped, padded, planes, sidesFor } from "./resize.js";

const UNIT = 8; // pixels; the sides of what is painted are multiples of it
const SMALLEST = 16;

ort.env.wasm.wasmPaths = { wasm: new URL("./runtime/ort.wasm", import.meta.url).href };

const graphs = Object.fromEntries(
  ["grain", "see", "transport", "paint", "color"].map((name) => [name, ort.InferenceSession.create(`graphs/${name}.onnx`)]),
);
const pictures = new Map(); // by what they are called: {width, height, data: RGBA bytes}
const looks = new Map(); // by name and size: {sides, planes, known}

async function run(name, inputs) {
  const graph = await graphs[name];
  const given = Object.fromEntries(graph.inputNames.map((each, i) => [each, inputs[i]]));
  const found = await graph.run(given);
  return graph.outputNames.map((each) => found[each]);
}

const tensor = ({ width, height, data }) => new ort.Tensor("float32", data, [1, 3, height, width]);
const share = (value) => new ort.Tensor("float32", [value], [1]);

/** A picture at a size: its planes, with as much grain as `amount` says, and what there is to know of it. */
async function look(name, size, fitting, amount) {
  const key = `${name} ${size}`;
  if (looks.get(key)?.amount !== amount) {
    const picture = pictures.get(name);
    const sides = sidesFor(picture, size);
    if (Math.min(sides.width, sides.height) < SMALLEST) throw Object.assign(new Error(name), { small: name.slice(name.indexOf(":") + 1) });
    const seen = fitting(picture, sides);
    const [grained] = await run("grain", [tensor(seen), share(amount)]);
    const known = await run("see", [grained]);
    looks.set(key, { sides, seen, amount, grained, known: known.slice(0, -2), palette: known.slice(-2) });
  }
  return looks.get(key);
}

const content = (picture, sides) => padded(planes(picture, sides), UNIT);

/** Strength as a recipe has it: how much of the way to the style's statistics, and how free of the photograph. */
async function paint({ photo, painting, strength, size }) {
  const amount = Math.min(1, 2 * strength);
  const own = await look(photo, Math.min(size, Math.max(pictures.get(photo).width, pictures.get(photo).height)), content, amount);
  const long = Math.max(own.sides.width, own.sides.height);
  const target = await look(painting, long, planes, 0);
  const freedom = Math.max(0, 2 * strength - 1);
  const painted = async (...shares) => {
    const [part, free] = shares.map(share);
    const told = await run("transport", [...own.known, ...target.known, part, free]);
    const [made] = await run("paint", [own.grained, ...told, part]);
    return made.data;
  };
  const made = await painted(amount, freedom);
  if (amount < 1) {
    // What the network cannot say of the photograph comes from the photograph, as far as that is to stay.
    const plain = await painted(0, 0);
    for (let i = 0; i < made.length; i++) made[i] += (1 - amount) * (own.seen.data[i] - plain[i]);
  }
  const [seen, picture] = [own.seen.data, made].map((data) => cropped({ ...own.seen, data }, own.sides));
  picture.data = picture.data.map((value) => Math.min(1, Math.max(0, value)));
  const [colored] = await run("color", [tensor(picture), ...target.palette, share(amount)]);
  const { width, height } = own.sides;
  const [before, after] = [seen.data, colored.data].map((data) => bytes({ width, height, data }));
  return { width, height, before, after };
}

onmessage = async ({ data: { id, forget, picture, wish } }) => {
  for (const name of forget ?? []) {
    pictures.delete(name);
    for (const key of looks.keys()) if (key.startsWith(`${name} `)) looks.delete(key);
  }
  if (picture) pictures.set(picture.name, picture);
  if (!wish) return;
  try {
    const made = await paint(wish);
    postMessage({ id, made }, [made.before.buffer, made.after.buffer]);
  } catch (problem) {
    postMessage({ id, problem: { small: problem.small, message: String(problem.message ?? problem) } });
  }
};
