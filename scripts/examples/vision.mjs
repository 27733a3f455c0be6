// Starts a Vision service for as long as this process lives, even if it is killed.
//
//   import { startVision } from "./vision.mjs";
//   const { grpc_endpoint, rest_endpoint, stop } = await startVision();
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export async function startVision(...options) {
  const service = spawn("vision-grpc", ["serve", "--until-stdin-closes", ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((end) => service.on("error", end).on("exit", (code) => end(new Error(`vision-grpc: exit code ${code}`))));
  const ready = await Promise.race([once(createInterface(service.stdout), "line"), ended]);
  if (ready instanceof Error) throw ready;
  return { ...JSON.parse(ready[0]), stop: async () => void (service.stdin.end(), await ended) };
}
