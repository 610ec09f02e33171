/** The README's tables are generated or compared: it says what the code does. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { configTable } from '../../../shared/config-table.ts'
import { root } from './sources.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')

test('the README holds the configuration table that npm run config prints', () => {
  const held = /<!-- config -->\n+([\s\S]*?)\n+<!-- \/config -->/.exec(readme)
  expect(held?.[1]).toBe(configTable().trim())
})

test('the README can be read in one go', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThan(150)
})

test.each(['README.md', 'docs/security.md'])('%s links only to files that exist', (page) => {
  const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
  const missing = links
    .map(([, path]) => path ?? '')
    .filter((path) => !existsSync(join(root, dirname(page), path)))
  expect(missing).toEqual([])
})
