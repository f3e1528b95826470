/** TypeScript 7 as an editor runs it: `tsc --lsp`, which speaks the Language Server Protocol 3.17. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Returns the completions at `|` for each text of a file. */
export async function completeWithServer(folder: string, file: string, texts: readonly string[]) {
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  const child = spawn(process.execPath, [tsc, '--lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const answers = new Map<number, (result: unknown) => void>();
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  let nextId = 1;
  const request = (method: string, params: object): Promise<unknown> =>
    new Promise((resolve) => {
      answers.set(nextId, resolve);
      send({ id: nextId++, method, params });
    });
  readMessages(child.stdout, ({ id, method, result }) => {
    if (id === undefined) return;
    // The server asks for settings, and for permission to watch files.
    if (method !== undefined) send({ id, result: method === 'workspace/configuration' ? [null] : null });
    else answers.get(id)?.(result);
  });
  const uri = pathToFileURL(file).href;
  try {
    await request('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(folder).href,
      capabilities: {},
    });
    send({ method: 'initialized', params: {} });
    const completed: string[][] = [];
    for (const [version, edited] of texts.entries()) {
      const text = edited.replace('|', '');
      const textDocument = { uri, languageId: 'typescript', version, text };
      send({ method: 'textDocument/didOpen', params: { textDocument } });
      const before = edited.slice(0, edited.indexOf('|')).split('\n');
      const position = { line: before.length - 1, character: before.at(-1)!.length };
      const result = await request('textDocument/completion', { textDocument: { uri }, position });
      const items = Array.isArray(result) ? result : ((result as { items?: unknown[] } | null)?.items ?? []);
      completed.push(items.map((item) => (item as { label: string }).label));
      send({ method: 'textDocument/didClose', params: { textDocument: { uri } } });
    }
    return completed;
  } finally {
    child.kill();
    await exited;
  }
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
}

/** Messages begin with `Content-Length` and an empty line. */
function readMessages(stream: NodeJS.ReadableStream, onMessage: (message: Message) => void): void {
  let bytes = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const start = bytes.indexOf('\r\n\r\n') + 4;
      const length = Number(/Content-Length: (\d+)/i.exec(bytes.toString('latin1', 0, start))?.[1]);
      if (start < 4 || !(bytes.length >= start + length)) return;
      onMessage(JSON.parse(bytes.toString('utf8', start, start + length)) as Message);
      bytes = bytes.subarray(start + length);
    }
  });
}
