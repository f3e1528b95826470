import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ApnsError } from '../../src/core/errors.js';
import type { PacketFormat } from '../../src/protocol/packet-reader.js';
import { PacketDecoder } from '../../src/transforms/packet-decoder.js';

/** Packets that begin with their own length. */
const FORMAT: PacketFormat = {
  name: 'packet',
  maxBytes: 9,
  measure(bytes, start) {
    const length = bytes[start]!;
    if (length === 0) throw new ApnsError('APNS_ERR_MALFORMED_PACKET', 'a packet has a length');
    return length;
  },
};

const decoder = (options = {}): PacketDecoder<string> =>
  new PacketDecoder(FORMAT, (bytes, start, end) => bytes.toString('latin1', start + 1, end), options);

/** What comes out of chunks, and the code of the error that ends it. */
async function decode(...chunks: (Uint8Array | string)[]): Promise<{ out: string[]; code?: string }> {
  const stream = decoder();
  const out: string[] = [];
  stream.on('data', (packet) => out.push(packet));
  const closed = new Promise<ApnsError | undefined>((resolve) => {
    stream.on('error', resolve).on('end', () => resolve(undefined));
  });
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const error = await closed;
  return error === undefined ? { out } : { out, code: error.code };
}

describe('PacketDecoder', () => {
  it('gives an object per packet', async () => {
    expect(await decode('\u0002a\u0003bc', '\u0004d', 'ef')).toEqual({ out: ['a', 'bc', 'def'] });
  });

  it('takes plain Uint8Arrays', async () => {
    expect(await decode(Uint8Array.of(2, 0x61, 3), Uint8Array.of(0x62, 0x63))).toEqual({ out: ['a', 'bc'] });
  });

  it('gives nothing for nothing', async () => {
    expect(await decode()).toEqual({ out: [] });
    expect(await decode('')).toEqual({ out: [] });
  });

  it.each([
    ['malformed bytes', '\u0000', 'APNS_ERR_MALFORMED_PACKET'],
    ['a packet over the limit', '\u000a', 'APNS_ERR_PACKET_TOO_LARGE'],
    ['an end inside a packet', '\u0003b', 'APNS_ERR_TRUNCATED_PACKET'],
  ])('fails for %s, after what came before', async (_name, fault, code) => {
    expect(await decode(`\u0002a${fault}`)).toEqual({ out: ['a'], code });
    expect(await decode('\u0002a', ...fault)).toEqual({ out: ['a'], code });
  });

  it('fails only when its reader has taken all that came before, one by one', async () => {
    const stream = decoder();
    stream.end('\u0002a\u0002b\u0002c\u0000');
    const out: string[] = [];
    const reading = (async () => {
      for await (const packet of stream) {
        out.push(packet);
        await nextTurn();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'APNS_ERR_MALFORMED_PACKET' });
    expect(out).toEqual(['a', 'b', 'c']);
  });

  it('fails with what decode throws', async () => {
    const thrown = new Error('on purpose');
    const stream = new PacketDecoder(
      FORMAT,
      () => {
        throw thrown;
      },
      {},
    );
    stream.end('\u0002a');
    await expect(stream.toArray()).rejects.toBe(thrown);
  });

  it('leaves out packets that decode to nothing', async () => {
    const stream = new PacketDecoder(FORMAT, (bytes, start) => (bytes[start] === 2 ? 'two' : undefined), {});
    stream.end('\u0002a\u0003bc\u0002d');
    expect(await stream.toArray()).toEqual(['two', 'two']);
  });

  it('takes no more chunks while nobody reads', async () => {
    let taken = 0;
    const source = new Readable({
      read() {
        taken++;
        this.push('\u0002a'.repeat(100));
      },
      highWaterMark: 1,
    });
    const stream = source.pipe(decoder({ highWaterMark: 10 }));
    let before = -1;
    while (before !== taken) {
      before = taken;
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    expect(stream.readableLength).toBeLessThanOrEqual(110);
    expect(taken * 200).toBeLessThan(2 * (stream.writableHighWaterMark + 1000));
    source.destroy();
    stream.destroy();
  });

  it('stops for a signal', async () => {
    const controller = new AbortController();
    const stream = decoder({ signal: controller.signal });
    stream.write('\u0003a');
    controller.abort();
    await expect(stream.toArray()).rejects.toMatchObject({ name: 'AbortError' });
  });
});
