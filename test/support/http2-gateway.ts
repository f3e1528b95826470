/** An HTTP/2 gateway on `node:http2` that answers, request by request, what a test says. */
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from './loopback.js';

/** A request as it arrived. */
export interface ArrivedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly deviceToken: string;
  readonly body: string;
  readonly stream: ServerHttp2Stream;
  readonly session: ServerHttp2Session;
  /** Which connection it came on, from 0. */
  readonly connection: number;
}

export interface Http2Script {
  readonly settings?: Settings;
  onSession?(session: ServerHttp2Session, connection: number): void;
  /** Answers a request; 200 unless given. */
  onRequest?(request: ArrivedRequest): void;
}

export interface RunningHttp2Gateway {
  readonly options: { readonly host: string; readonly port: number; readonly tls: { readonly ca: string } };
  readonly requests: ArrivedRequest[];
  readonly sessions: ServerHttp2Session[];
  readonly server: Http2SecureServer;
}

/** Answers with a status, and a reason if it is none of success. */
export function respond(request: ArrivedRequest, status: number, body?: object, headers: object = {}): void {
  if (request.stream.destroyed) return;
  const head = { ':status': status, 'apns-id': request.headers['apns-id'] ?? '', ...headers };
  request.stream.respond(head, { endStream: body === undefined });
  if (body !== undefined) request.stream.end(JSON.stringify(body));
}

export async function startHttp2Gateway(script: Http2Script = {}): Promise<RunningHttp2Gateway> {
  const { cert, key } = mintServerCertificate(authority);
  const server = createSecureServer({ cert, key, settings: script.settings ?? {} });
  const sessions: ServerHttp2Session[] = [];
  const requests: ArrivedRequest[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
    script.onSession?.(session, sessions.length - 1);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const session = stream.session as ServerHttp2Session;
      const request: ArrivedRequest = {
        headers: headers as Record<string, string>,
        deviceToken: String(headers[':path']).replace('/3/device/', ''),
        body: Buffer.concat(chunks).toString(),
        stream,
        session,
        connection: sessions.indexOf(session),
      };
      requests.push(request);
      if (script.onRequest === undefined) respond(request, 200);
      else script.onRequest(request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { options: { host: '127.0.0.1', port, tls: { ca: authority.cert } }, requests, sessions, server };
}
