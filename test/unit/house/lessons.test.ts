/** docs/lessons.md and docs/faults.md name tests: each of them must be there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from './sources.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
/** A link to a suite, and the name of a test in it as the suite writes it. */
const claim = /\[[^\]]+\]\(\.\.\/(test\/[^)]+\.test\.ts)\) “([^”]+)”/g

function claims(text: string): { suite: string; name: string }[] {
  return [...text.matchAll(claim)].map(([, suite = '', name = '']) => ({ suite, name }))
}
const isThere = ({ suite, name }: { suite: string; name: string }) =>
  existsSync(join(root, suite)) && ["'", '`'].some((quote) => read(suite).includes(quote + name + quote))

const rows = read('docs/lessons.md')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))

describe('docs/lessons.md', () => {
  test('has every lesson once, in order', () => {
    const numbers = rows.map((row) => Number(/\d+/.exec(row)?.[0]))
    expect(numbers).toEqual(Array.from({ length: 46 }, (_, index) => index + 1))
  })

  test('names a test for each, or says that there is none yet', () => {
    expect(rows.filter((row) => claims(row).length === 0 && !row.includes('Not held yet: '))).toEqual([])
  })

  test('names no test that is not there', () => {
    expect(claims(rows.join('\n')).filter((each) => !isThere(each))).toEqual([])
  })

  test('has no link to a suite that says no test', () => {
    for (const row of rows) expect(row.match(/\.test\.ts\)/g) ?? []).toHaveLength(claims(row).length)
  })
})

test('docs/faults.md names no test that is not there', () => {
  const named = claims(read('docs/faults.md'))
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((each) => !isThere(each))).toEqual([])
})
