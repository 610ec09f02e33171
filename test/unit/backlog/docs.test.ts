import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { backlogVariables } from '../../../shared/config-backlog.ts'
import { errorCodes } from '../../../shared/errors.ts'
import { markdownTable } from '../../../shared/markdown.ts'

const page = readFileSync(new URL('../../../docs/scaling.md', import.meta.url), 'utf8')

test('docs/scaling.md holds the table of the publisher’s variables', () => {
  const held = /<!-- variables -->\n([\s\S]*?)\n<!-- \/variables -->/.exec(page)
  expect(held?.[1]).toBe(markdownTable(['Variable', 'Default', 'Meaning'], backlogVariables()))
})

test('docs/scaling.md says what to do about each code of the publisher', () => {
  const codes = Object.keys(errorCodes).filter((code) => /^(backlog|group|metric)_/.test(code))
  expect(codes.length).toBeGreaterThan(10)
  expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})

test('docs/operations.md lists every finding of the reconciler', () => {
  const operations = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const source = readFileSync(new URL('../../../shared/reconcile/finding.ts', import.meta.url), 'utf8')
  const codes = [...source.matchAll(/^ {2}\| '([a-z_]+)'$/gm)].map(([, code]) => code)
  expect(codes.length).toBe(11)
  expect(codes.filter((code) => !operations.includes(`| \`${code}\``))).toEqual([])
})
