// Reads images with one call, and prints the words of each on a line: node read.mjs PROTOS ENDPOINT IMAGE...
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [protos, endpoint, ...images] = process.argv.slice(2);
const definition = loadSync("yandex/cloud/ai/vision/v1/vision_service.proto", { includeDirs: [protos], enums: String });
const { VisionService } = grpc.loadPackageDefinition(definition).yandex.cloud.ai.vision.v1;

const features = [{ type: "TEXT_DETECTION", textDetectionConfig: { languageCodes: ["en", "ru"] } }];
const request = { analyzeSpecs: images.map((image) => ({ content: readFileSync(image), features })) };

// With a key, TLS to the service; without one, a local service.
const key = process.env.YC_API_KEY;
const metadata = new grpc.Metadata();
if (key) metadata.set("authorization", `Api-Key ${key}`);
const security = key ? grpc.credentials.createSsl() : grpc.credentials.createInsecure();
const client = new VisionService(endpoint, security, { "grpc.max_receive_message_length": 64 << 20 });
client.BatchAnalyze(request, metadata, (error, answer) => {
  client.close();
  if (error) throw error;
  for (const result of answer.results) {
    // An image that fails alone has an error here, or in the result of its feature.
    if (result.error) console.log(`error: ${result.error.message}`);
    else console.log(words(result.results[0].textDetection).join(" "));
  }
});

function words({ pages }) {
  const lines = pages.flatMap((page) => page.blocks).flatMap((block) => block.lines);
  return lines.flatMap((line) => line.words).map((word) => word.text);
}
