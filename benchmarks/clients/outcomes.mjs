import { Writable } from 'node:stream';

/** Reads outcomes and counts the accepted ones. */
export function countAccepted(progress) {
  const reader = new Writable({
    objectMode: true,
    highWaterMark: 256,
    write({ status }, _encoding, callback) {
      if (status === 'accepted') reader.accepted++;
      callback();
    },
  });
  reader.accepted = 0;
  progress.count = () => reader.accepted;
  return reader;
}
