import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const client = "tailwater";
const secret = "client-secret-0123456789abcdef";

/** A login that the person has approved, but that the server has not completed yet. */
interface Approved {
  challenge: string;
  nonce: string;
}

/** A small OpenID Connect provider on a loopback address, with a page on which one person approves each login. */
export class IdentityProvider {
  /** The claims about the person who logs in. */
  claims: Record<string, unknown> = { sub: "ada-at-the-provider", preferred_username: "ada", groups: ["developers"] };
  private readonly approved = new Map<string, Approved>();
  private readonly key: KeyObject;
  private readonly published: object;

  private constructor(private readonly listener: HttpServer) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.key = privateKey;
    this.published = { ...publicKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: "first" };
  }

  static async start(): Promise<IdentityProvider> {
    const listener = createServer();
    const provider = new IdentityProvider(listener);
    listener.on("request", (request, response) => void provider.respond(request, response));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** The environment variables with which a server lets people log in with this provider. */
  get settings(): Record<string, string> {
    return {
      TAILWATER_OIDC_ISSUER: this.url,
      TAILWATER_OIDC_CLIENT_ID: client,
      TAILWATER_OIDC_CLIENT_SECRET: secret,
      TAILWATER_OIDC_NAME: "Example ID",
      TAILWATER_GROUP_ROLES: "developers=viewer",
    };
  }

  async stop() {
    this.listener.closeAllConnections();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private async respond(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url!, this.url);
    if (url.pathname === "/authorize") {
      response.setHeader("content-type", "text/html");
      response.end(`<h1>Example ID</h1><a href="${this.approve(url.searchParams).replaceAll("&", "&amp;")}">Continue as Ada</a>`);
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(await this.json(url.pathname, request)));
  }

  /** Approves a login, and returns the URL to which the provider redirects the browser. */
  private approve(query: URLSearchParams): string {
    const code = randomUUID();
    this.approved.set(code, { challenge: query.get("code_challenge")!, nonce: query.get("nonce")! });
    return `${query.get("redirect_uri")}?${new URLSearchParams({ code, state: query.get("state")! })}`;
  }

  private async json(path: string, request: IncomingMessage): Promise<object> {
    switch (path) {
      case "/.well-known/openid-configuration":
        return {
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          jwks_uri: `${this.url}/keys`,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["ES256"],
        };
      case "/keys":
        return { keys: [this.published] };
      case "/token":
        return this.token(new URLSearchParams(await text(request)));
      default:
        return { error: "not_found" };
    }
  }

  private token(form: URLSearchParams): object {
    const approved = this.approved.get(form.get("code") ?? "");
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (!approved || approved.challenge !== challenge) return { error: "invalid_grant" };
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: "ES256", typ: "JWT", kid: "first" };
    const claims = { iss: this.url, aud: client, iat: now, exp: now + 300, nonce: approved.nonce, ...this.claims };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const signature = sign("sha256", Buffer.from(signed), { key: this.key, dsaEncoding: "ieee-p1363" }).toString("base64url");
    return { access_token: randomUUID(), token_type: "Bearer", id_token: `${signed}.${signature}` };
  }
}

/** Reads the body of a request. */
async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
