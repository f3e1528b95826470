// Prints whether require() and import give the same values, for each entry of the package.
const entries = ['apns-streams', 'apns-streams/protocol', 'apns-streams/simulator'];

async function main() {
  for (const entry of entries) {
    const required = require(entry);
    const imported = await import(entry);
    const names = Object.keys(required).sort();
    const differing = names.filter((name) => required[name] !== imported[name]);
    const same = JSON.stringify(names) === JSON.stringify(Object.keys(imported).sort());
    console.log(JSON.stringify({ entry, same, differing }));
  }
  const { ApnsError } = require('apns-streams');
  const { createSimulator } = await import('apns-streams/simulator');
  await createSimulator({ nonsense: true }).catch((error) => console.log(error instanceof ApnsError));
}

main();
