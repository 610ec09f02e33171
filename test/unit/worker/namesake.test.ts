import { hostname } from 'node:os'
import { expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { warnOfNamesake } from '../../../worker/namesake.ts'

/** What is said of a report under our own name. */
async function said(value: string | null | Error): Promise<string[]> {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', pretty: false }, {}, { write: (line) => lines.push(line) })
  const get = async () => {
    if (value instanceof Error) throw value
    return value
  }
  await warnOfNamesake({ get }, 'twin', logger)
  return lines.map((line) => JSON.parse(line).msg)
}
const warning = ['another worker has the same WORKER_ID: give each its own']
const report = (host: string, pid: number) => JSON.stringify({ workerId: 'twin', host, pid })

test('a living worker of the same name, here or elsewhere, is warned of', async () => {
  expect(await said(report('elsewhere', 1))).toEqual(warning)
  expect(await said(report(hostname(), process.ppid))).toEqual(warning)
})

test('a predecessor that was killed, ourselves, nobody, and a Redis that is away are not', async () => {
  // Above the highest process id that Linux gives.
  const gone = 2 ** 22 + 1
  for (const value of [report(hostname(), gone), report(hostname(), process.pid), null, 'odd', '{}', 'null'])
    expect([value, await said(value)]).toEqual([value, []])
  expect(await said(new Error('away'))).toEqual([])
})
