/** Rules of the house that a reader may rely on without looking: each one names the lines that break it. */

import { expect, test } from '@jest/globals'
import { errorCodes } from '../../../shared/errors.ts'
import { metricTable } from '../../../shared/metric-table.ts'
import { findInCode, productFolders, readSources } from './sources.ts'

// The set-up is not the worker: it reads the environment and starts npm and apt-get before there is one.
const product = readSources(productFolders).filter((source) => !source.path.startsWith('deploy/setup/'))
const everything = [...product, ...readSources(['test'])]
const isMain = (path: string) => /(^|\/)main\.ts$/.test(path) || /^deploy\/(.*\/)?main[^/]*$/.test(path)

test('only main.ts files of the product read the environment or end the process', () => {
  const pattern = /process\.(env|exit)\b|process\[|\b(env|exit)\b[^'"]*from 'node:process'|\} = process\b/
  const found = product
    .filter((source) => !isMain(source.path))
    .flatMap((source) => findInCode(source, pattern))
  expect(found).toEqual([])
})

// The listener’s helper hands over a socket, the commands ask a program what it can and run what an operator says, and
// systemd-notify says what Node cannot: there are no datagrams to Unix sockets in it.
test('only worker/media/run.ts starts programs, beside three that no upload ever reaches', () => {
  const starters = [
    'deploy/commands/ask-program.ts',
    'worker/media/enclosed-listener.ts',
    'worker/media/run.ts',
    'worker/server/service-manager.ts',
  ]
  const found = product
    .filter((source) => source.imports.some((each) => /^(execa|(node:)?child_process)$/.test(each.target)))
    .map((source) => source.path)
  expect(found).toEqual(starters)
})

test('timers are set in shared/time.ts only, where tests can find them and signals end them', () => {
  const pattern = /\b(setTimeout|setInterval|setImmediate)\(|timers\/promises|node:timers/
  const found = product.flatMap((source) => findInCode(source, pattern))
  expect(found.filter((place) => !place.startsWith('shared/time.ts:'))).toEqual([])
})

test('one AbortController a job: no AbortSignal.any, whose reason can be the wrong one', () => {
  expect(product.flatMap((source) => findInCode(source, /AbortSignal\.any\b/))).toEqual([])
})

test('no default exports, no barrels', () => {
  const modules = product.filter((source) => source.path.endsWith('.ts'))
  const reexports = modules.filter((source) => source.imports.some((each) => each.reexport))
  expect(modules.flatMap((source) => findInCode(source, /^export default\b/))).toEqual([])
  expect(reexports.map((source) => source.path)).toEqual([])
})

test('nothing is printed past the logger', () => {
  const found = product
    .filter((source) => !isMain(source.path) && source.path !== 'shared/config-table.ts')
    .flatMap((source) => findInCode(source, /\bconsole\.\w+\(|process\.std(out|err)\.write/))
  expect(found).toEqual([])
})

test('no file is longer than 250 lines, no suite longer than 600', () => {
  const limit = (path: string) => (path.endsWith('.test.ts') ? 600 : 250)
  const long = everything
    .map((source) => ({ path: source.path, lines: source.text.trimEnd().split('\n').length }))
    .filter((each) => each.lines > limit(each.path))
  expect(long).toEqual([])
})

test('no suite is left focused or switched off without a reason', () => {
  const pattern = /\b(test|it|describe)\.(only|skip)\(|\bx(it|test|describe)\(/
  const suites = everything.filter((source) => source.path.endsWith('.test.ts'))
  const found = suites.flatMap((source) => findInCode(source, pattern))
  expect(found.filter((place) => !place.startsWith('test/unit/house/rules.test.ts:'))).toEqual([])
})

test('the repository names no registry host and no path of one machine', () => {
  // Built from parts, so that this file does not break its own rule.
  const forbidden = new RegExp([`registry${'.'}npmjs`, `/${'work'}/`, `/${'root'}/`].join('|'))
  const found = everything.flatMap((source) => findInCode(source, forbidden))
  expect(found).toEqual([])
})

test('every metric of the table is set somewhere, every error code is thrown or decided somewhere', () => {
  const code = readSources(['worker', 'shared', 'deploy'])
    .filter((source) => !/metric-table|shared\/errors\.ts/.test(source.path))
    .map((source) => source.code)
    .join('\n')
  expect(metricTable.map((row) => row.name).filter((name) => !code.includes(`metrics.${name}`))).toEqual([])
  expect(Object.keys(errorCodes).filter((name) => !code.includes(`'${name}'`))).toEqual([])
})
