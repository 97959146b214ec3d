import { connect, createServer, type Server as TcpServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** Forwards connections to a server, and closes them when a test requests it. */
export class Proxy {
  private readonly clients = new Set<Socket>();

  private constructor(private readonly listener: TcpServer) {}

  static async start(target: string): Promise<Proxy> {
    const { hostname, port } = new URL(target);
    const listener = createServer();
    const proxy = new Proxy(listener);
    listener.on("connection", (client) => {
      const server = connect(Number(port), hostname);
      proxy.clients.add(client);
      client.once("close", () => {
        proxy.clients.delete(client);
        server.destroy();
      });
      server.once("close", () => client.destroy());
      // Errors are ignored, because a connection that fails also emits `close`.
      client.on("error", () => {});
      server.on("error", () => {});
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Closes each open connection with the given probability. Returns the number of closed connections. */
  cut(probability: number): number {
    const chosen = [...this.clients].filter(() => Math.random() < probability);
    for (const client of chosen) client.resetAndDestroy();
    return chosen.length;
  }

  async stop() {
    this.cut(1);
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
