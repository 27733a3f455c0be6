// Calls BatchAnalyze with Node's gRPC, which reads protos/ itself.
// Arguments: the endpoint, the folder of protos, the folder of node_modules, an image.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [endpoint, protos, modules, image] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const definition = loader.loadSync("yandex/cloud/ai/vision/v1/vision_service.proto", { includeDirs: [protos] });
const { VisionService } = grpc.loadPackageDefinition(definition).yandex.cloud.ai.vision.v1;
const client = new VisionService(endpoint, grpc.credentials.createInsecure());
const feature = { type: "TEXT_DETECTION", textDetectionConfig: { languageCodes: ["en"] } };
client.BatchAnalyze({ analyzeSpecs: [{ content: readFileSync(image), features: [feature] }] }, (error, answer) => {
  if (error) throw error;
  const [page] = answer.results[0].results[0].textDetection.pages;
  const words = page.blocks.flatMap((block) => block.lines).flatMap((line) => line.words);
  console.log(words.map((word) => word.text).join(" "));
  client.close();
});
