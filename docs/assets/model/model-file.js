// @ts-check
/**
 * The files of a trained model, as the package saves them: settings as JSON, weights as safetensors.
 *
 * https://huggingface.co/docs/safetensors: eight bytes say how long the header is; the header, JSON,
 * says of each tensor its dtype, its shape and where its bytes are; then come the bytes.
 */

/** @typedef {import("../attention-math.js").Matrix} Matrix */

/** A model file that is missing, cut, damaged or of another version: the message is for the reader. */
export class ModelFileError extends Error {}

/** The tensors of a model, by the names that they have in PyTorch. */
export class Tensors {
  /** @param {Map<string, { shape: number[], values: number[] }>} named */
  constructor(named) {
    this.named = named;
  }

  /** @param {string} name @returns {number[]} */
  vector(name) {
    return this.#get(name, 1).values;
  }

  /** @param {string} name @returns {Matrix} its rows; those of a linear layer are its outputs' */
  matrix(name) {
    const { shape, values } = this.#get(name, 2);
    return Array.from({ length: shape[0] }, (_, i) => values.slice(i * shape[1], (i + 1) * shape[1]));
  }

  /** @param {string} name @param {number} axes */
  #get(name, axes) {
    const tensor = this.named.get(name);
    if (tensor?.shape.length !== axes)
      throw new ModelFileError(`The model file is of another version: it has no “${name}”.`);
    return tensor;
  }
}

/**
 * Fetch a file, saying how much of it has come.
 * @param {URL} url
 * @param {(bytes: number, total: number) => void} [onProgress] the total is 0 where it isn't known
 * @returns {Promise<ArrayBuffer>}
 */
export async function download(url, onProgress = () => {}) {
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) {
    const reason = response ? `the server answers ${response.status}` : "no connection";
    throw new ModelFileError(`The model file could not be fetched (${reason}).`);
  }
  const total = Number(response.headers.get("content-length") ?? 0);
  const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
  const chunks = [];
  let bytes = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
      onProgress((bytes += next.value.length), Math.max(total, bytes));
    }
  } catch {
    throw new ModelFileError("The connection was lost while the model file was fetched.");
  }
  return new Blob(chunks).arrayBuffer();
}

/** @param {ArrayBuffer} buffer */
export function parsedJSON(buffer) {
  try {
    return JSON.parse(new TextDecoder().decode(buffer));
  } catch {
    throw new ModelFileError("A file of the model is incomplete, or is no JSON.");
  }
}

/** What to tell the reader when a model can't be loaded. @param {unknown} error @returns {string} */
export function explained(error) {
  if (error instanceof ModelFileError) return error.message;
  return `This browser can't run the model (${error}). It takes one of mid-2024 or later.`;
}

/**
 * Fetch the two files of a model.
 * @param {URL} folder its address, which ends in a slash; what follows a `?` goes to both files
 * @param {string} settings the name of the JSON file
 * @param {string} [checksum] of the weights that this page was built with
 * @param {(bytes: number, total: number) => void} [onProgress]
 * @returns {Promise<{ saved: any, tensors: Tensors }>}
 */
export async function loadModel(folder, settings, checksum, onProgress) {
  const file = /** @param {string} name */ (name) => new URL(name + folder.search, folder);
  const [saved, weights] = await Promise.all([
    download(file(settings)).then(parsedJSON),
    download(file("model.safetensors"), onProgress),
  ]);
  return { saved, tensors: readTensors(weights, checksum) };
}

/**
 * @param {ArrayBuffer} buffer a safetensors file of float16 or float32 tensors
 * @param {string} [checksum] the one that this page was built with
 * @returns {Tensors}
 */
export function readTensors(buffer, checksum) {
  const { header, bytes } = parsed(buffer);
  const { __metadata__: metadata, ...entries } = header;
  if (checksum && metadata?.crc32 !== checksum)
    throw new ModelFileError("The model file is of another version than this page. Reload the page.");
  const named = new Map();
  let crc = 0;
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of sorted(entries)) {
    const raw = bytes.slice(begin, end);
    const kind = { F16: "float16", F32: "float32" }[/** @type {string} */ (dtype)];
    crc = crc32(new TextEncoder().encode(`${name} torch.${kind} [${shape.join(", ")}]`), crc);
    crc = crc32(raw, crc);
    named.set(name, { shape, values: dtype === "F16" ? fromHalf(raw) : fromFloat(raw) });
  }
  if (metadata?.crc32 && metadata.crc32 !== crc.toString(16).padStart(8, "0"))
    throw new ModelFileError("The model file is damaged: its weights are not those that were saved.");
  return new Tensors(named);
}

/** @param {ArrayBuffer} buffer */
function parsed(buffer) {
  try {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const bytes = new Uint8Array(buffer, 8 + length);
    const ends = Object.values(header).map((entry) => entry.data_offsets?.[1] ?? 0);
    if (bytes.length !== Math.max(...ends)) throw new RangeError("cut");
    return { header, bytes };
  } catch {
    throw new ModelFileError("The model file is incomplete, or it isn't a model file.");
  }
}

/** @param {Record<string, any>} entries @returns {[string, any][]} in the order of the checksum */
function sorted(entries) {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param {Uint8Array} raw @returns {number[]} */
function fromFloat(raw) {
  const view = new DataView(raw.buffer, raw.byteOffset);
  return Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** @param {Uint8Array} raw @returns {number[]} IEEE 754: a sign, five bits of exponent, ten of fraction */
function fromHalf(raw) {
  return Array.from({ length: raw.length / 2 }, (_, i) => {
    const half = raw[2 * i] | (raw[2 * i + 1] << 8);
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return half >> 15 ? -size : size;
  });
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** @param {Uint8Array} bytes @param {number} crc of what came before @returns {number} */
function crc32(bytes, crc) {
  crc = ~crc;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
