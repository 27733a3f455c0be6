// Starts a Vision service for as long as this process lives, even if it is killed.
//
//   import { startVision } from "./vision.mjs";
//   const { grpc_endpoint, rest_endpoint, stop } = await startVision();
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export async function startVision(...options) {
  const service = spawn("vision-grpc", ["serve", "--until-stdin-closes", ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const ready = once(createInterface(service.stdout), "line").then(([line]) => JSON.parse(line));
  const failed = new Promise((_, fail) => service.on("error", fail).on("exit", (code) => fail(new Error(`vision-grpc: exit code ${code}`))));
  const ended = once(service, "exit");
  return { ...(await Promise.race([ready, failed])), stop: () => (service.stdin.end(), failed.catch(() => {}), ended) };
}
