// Reads images with one call, and prints the words of each on a line: node read_connect.js URL IMAGE...
import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type AnalyzeResult,
  AnalyzeSpecSchema,
  BatchAnalyzeRequestSchema,
  Feature_Type,
  VisionService,
} from "./gen/yandex/cloud/ai/vision/v1/vision_service_pb.js";

const [baseUrl, ...images] = process.argv.slice(2);
const specs = images.map((image) =>
  create(AnalyzeSpecSchema, {
    source: { case: "content", value: readFileSync(image) },
    features: [
      { type: Feature_Type.TEXT_DETECTION, config: { case: "textDetectionConfig", value: { languageCodes: ["en", "ru"] } } },
    ],
  }),
);
const request = create(BatchAnalyzeRequestSchema, { analyzeSpecs: specs });

// The service needs https:// and a key; a local service is http:// and needs none.
const key = process.env.YC_API_KEY;
const headers: Record<string, string> = key ? { authorization: `Api-Key ${key}` } : {};
const client = createClient(VisionService, createGrpcTransport({ baseUrl, readMaxBytes: 64 << 20 }));
const answer = await client.batchAnalyze(request, { headers });
for (const result of answer.results) console.log(words(result));

function words(result: AnalyzeResult): string {
  // An image that fails alone has an error here, or in the result of its feature.
  if (result.error) return `error: ${result.error.message}`;
  const found = result.results[0].feature;
  const pages = found.case === "textDetection" ? found.value.pages : [];
  const lines = pages.flatMap((page) => page.blocks).flatMap((block) => block.lines);
  return lines.flatMap((line) => line.words.map((word) => word.text)).join(" ");
}
