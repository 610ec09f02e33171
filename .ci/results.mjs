/**
 * What jest's result files say.
 *   node .ci/results.mjs failed FILE          the paths of the suites that failed, a line each
 *   node .ci/results.mjs summary FILE [FILE]  "N passed, N failed[, N skipped]"; a suite in the second file counts as there
 */
import { existsSync, readFileSync } from 'node:fs'

const [what, ...files] = process.argv.slice(2)
const suites = new Map()
for (const file of files.filter((name) => existsSync(name)))
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) suites.set(suite.name, suite)

if (what === 'failed')
  for (const { name, status } of suites.values()) status === 'failed' && console.log(name)
if (what === 'summary') console.log(summary())

function summary() {
  // No result: the set-up or the checks failed before a test ran, which counts as one failure.
  if (suites.size === 0) return '0 passed, 1 failed'
  const counts = { passed: 0, failed: 0, pending: 0, todo: 0 }
  for (const { status, assertionResults } of suites.values()) {
    for (const test of assertionResults) counts[test.status] += 1
    // A suite that could not even be loaded, or whose end failed, has no test that failed, but it is a failure.
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) counts.failed += 1
  }
  const skipped = counts.pending > 0 ? `, ${counts.pending} skipped` : ''
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`
}
