// Runs the vectors of messages.json with protobuf-es, which knows the contract by its descriptor set alone.
// Arguments: the folder of node_modules, the descriptor set, messages.json. Prints the number of vectors.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, descriptors, file] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createFileRegistry, fromBinary, fromJson, fromJsonString, toBinary, toJson } = await load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = await load("@bufbuild/protobuf/wkt");
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const vectors = JSON.parse(readFileSync(file, "utf8"));
let count = 0;

function each(list, run) {
  for (const vector of vectors[list]) {
    const type = registry.getMessage(vector.type);
    const binary = Buffer.from(vector.binary ?? "", "base64");
    try {
      run({ ...vector, type, binary });
    } catch (error) {
      throw new Error(`${list}: ${vector.name}`, { cause: error });
    }
    count += 1;
  }
}
const same = (type, message, binary) => assert.deepEqual(Buffer.from(toBinary(type, message)), binary);

each("both", ({ type, binary, json }) => {
  assert.deepEqual(toJson(type, fromBinary(type, binary), { registry }), json);
  same(type, fromJson(type, json, { registry }), binary);
});
each("binary_read", ({ type, binary, json }) => assert.deepEqual(toJson(type, fromBinary(type, binary), { registry }), json));
each("json_read", ({ type, text, binary }) => same(type, fromJsonString(type, text, { registry }), binary));
each("json_with_unknown_fields", ({ type, text, binary }) => {
  same(type, fromJsonString(type, text, { registry, ignoreUnknownFields: true }), binary);
  assert.throws(() => fromJsonString(type, text, { registry }));
});
each("json_refused", ({ type, text }) =>
  assert.throws(() => fromJsonString(type, text, { registry, ignoreUnknownFields: true })),
);
console.log(count);
