// A TCP proxy that breaks connections: before anything was sent, in the middle of the request,
// and in the middle of the answer, when the server has already done what it was asked for.
import net from "node:net";

/** Random numbers in [0, 1) that are the same in every run. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface BreakingProxy {
  url: string;
  /** How many connections were broken before the request was through, and after. */
  broken: { before: number; after: number };
  close(): void;
}

export async function breakingProxy(target: URL, seed: number): Promise<BreakingProxy> {
  const random = numbers(seed);
  const broken = { before: 0, after: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    const cut = (when: "before" | "after") => {
      broken[when] += 1;
      client.resetAndDestroy();
      upstream.destroy();
    };
    // How much of the request and of the answer comes through, in bytes; mostly all.
    const fate = random();
    let request = fate < 0.25 ? Math.floor(random() * 400) : Infinity;
    let answer = fate >= 0.25 && fate < 0.55 ? Math.floor(random() * 600) : Infinity;
    client.on("data", (chunk) => {
      if (chunk.length > request) {
        upstream.write(chunk.subarray(0, request));
        return cut("before");
      }
      request -= chunk.length;
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (chunk.length > answer) {
        client.write(chunk.subarray(0, answer), () => cut("after"));
        return;
      }
      answer -= chunk.length;
      client.write(chunk);
    });
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://127.0.0.1:${port}`, broken, close: () => void server.close() };
}
