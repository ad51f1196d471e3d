// A reporter of node:test that writes one line of JSON a test, beside what the run prints.
export default async function* report(source) {
  const open = new Map();
  yield JSON.stringify({ kind: 'node' }) + '\n';
  for await (const { type, data } of source) {
    if (!['test:start', 'test:pass', 'test:fail'].includes(type)) continue;
    const file = data.file ?? '';
    const names = open.get(file) ?? open.set(file, []).get(file);
    names.length = data.nesting;
    names[data.nesting] = data.name;
    if (type === 'test:start') continue;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const outcome = skipped ? 'skipped' : type === 'test:fail' ? 'failed' : 'passed';
    const group = data.details?.type === 'suite' || data.details?.error?.failureType === 'subtestsFailed';
    yield JSON.stringify({ file, names, outcome, group }) + '\n';
  }
}
