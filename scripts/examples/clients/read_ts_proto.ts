// Reads images with one call, and prints the words of each on a line: node read_ts_proto.js ENDPOINT IMAGE...
import { readFileSync } from "node:fs";
import { credentials, Metadata } from "@grpc/grpc-js";
import {
  type AnalyzeResult,
  BatchAnalyzeRequest,
  Feature_Type,
  VisionServiceClient,
} from "./gen/yandex/cloud/ai/vision/v1/vision_service.js";

const [endpoint, ...images] = process.argv.slice(2);
const features = [{ type: Feature_Type.TEXT_DETECTION, textDetectionConfig: { languageCodes: ["en", "ru"] } }];
const request = BatchAnalyzeRequest.fromPartial({
  analyzeSpecs: images.map((image) => ({ content: readFileSync(image), features })),
});

// With a key, TLS to the service; without one, a local service.
const key = process.env.YC_API_KEY;
const metadata = new Metadata();
if (key) metadata.set("authorization", `Api-Key ${key}`);
const security = key ? credentials.createSsl() : credentials.createInsecure();
const client = new VisionServiceClient(endpoint, security, { "grpc.max_receive_message_length": 64 << 20 });
client.batchAnalyze(request, metadata, (error, answer) => {
  client.close();
  if (error) throw error;
  for (const result of answer.results) console.log(words(result));
});

function words(result: AnalyzeResult): string {
  // An image that fails alone has an error here, or in the result of its feature.
  if (result.error) return `error: ${result.error.message}`;
  const pages = result.results[0].textDetection?.pages ?? [];
  const lines = pages.flatMap((page) => page.blocks).flatMap((block) => block.lines);
  return lines.flatMap((line) => line.words.map((word) => word.text)).join(" ");
}
