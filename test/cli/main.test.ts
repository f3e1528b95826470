/** The entry of the command, as it is published: it has to speak to every Node. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ROOT } from '../support/node-process.js';

const code = readFileSync(join(ROOT, 'dist/cli/main.js'), 'utf8')
  .replace(/^#!.*\n/, '')
  .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const needed = /^>=(\d+\.\d+)$/.exec(manifest.engines.node)![1]!;

/** Runs the entry as a Node of that version would. */
async function runWith(node: string): Promise<{
  load: ReturnType<typeof vi.fn>;
  err: string;
  exitCode: number | undefined;
}> {
  const write = vi.fn();
  const process = { versions: { node }, stderr: { write }, exitCode: undefined };
  const load = vi.fn(() => ({ start: vi.fn() }));
  new Function('process', 'require', code)(process, load);
  // The command is loaded in the next turn.
  await Promise.resolve();
  return { load, err: write.mock.calls.join(''), exitCode: process.exitCode };
}

describe('the entry of the command', () => {
  it('is an ES5 script, which loads the command with require()', () => {
    expect(code.match(/\brequire\b[^;]*/g)).toEqual(['require("./start.js")']);
    expect(() => new Function(code)).not.toThrow();
    expect(code).not.toMatch(/\b(import|export|const|let|class|async|await|of)\b|=>|`|\?\.|\?\?|\.\.\.|\*\*/);
  });

  it.each(['4.9.1', '12.22.12', '18.20.8', '19.9.0', '20.18.3'])(
    'says which Node is needed, and loads nothing, on Node %s',
    async (node) => {
      const { load, err, exitCode } = await runWith(node);
      expect(load).not.toHaveBeenCalled();
      expect(exitCode).toBe(78);
      expect(err).toContain(`Node ${needed} or later is required, but this is Node ${node}\n`);
    },
  );

  it.each(['20.19.0', '21.0.0', '22.12.0', '26.0.0-nightly'])(
    'loads the command on Node %s',
    async (node) => {
      const { load, err, exitCode } = await runWith(node);
      expect(load).toHaveBeenCalledOnce();
      expect([err, exitCode]).toEqual(['', undefined]);
    },
  );
});
