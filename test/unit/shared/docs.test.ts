import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { pages } from '../../../shared/docs-tables.ts'
import { errorCodes } from '../../../shared/errors.ts'
import { markdownTable } from '../../../shared/markdown.ts'
import { metricPrefix, metricTable } from '../../../shared/metric-table.ts'

const docs = new URL('../../../docs/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, docs), 'utf8')

/** The rows of all tables of a page as lists of cells, each with the heading that it stands under. */
function rowsOf(page: string): { heading: string; cells: string[] }[] {
  let heading = ''
  return page.split('\n').flatMap((line) => {
    heading = /^## (.*)/.exec(line)?.[1] ?? heading
    if (!/^\| `/.test(line)) return []
    return [{ heading, cells: line.split(/ ?\| ?/).slice(1, -1) }]
  })
}

test.each(Object.keys(pages))('docs/%s is what `node shared/docs-tables.ts` writes', (name) => {
  expect(read(name)).toBe(pages[name]?.())
})

describe('docs/errors.md, read by itself,', () => {
  const documented = rowsOf(read('errors.md')).map(({ heading, cells }) => ({
    code: cells[0]?.replaceAll('`', ''),
    kind: heading,
    meaning: cells[1],
  }))
  const coded = Object.entries(errorCodes).map(([code, { kind, meaning }]) => ({ code, kind, meaning }))

  test('has every code of the product with its kind and meaning', () => {
    for (const row of coded) expect(documented).toContainEqual(row)
  })

  test('has no code that the product does not have', () => {
    for (const row of documented) expect(coded).toContainEqual(row)
    expect(documented).toHaveLength(coded.length)
  })

  test('has a sentence for a person on each', () => {
    for (const { code, meaning } of documented)
      expect([code, meaning]).toEqual([code, expect.stringMatching(/^\S.*[.)]$/)])
  })
})

describe('docs/metrics.md, read by itself,', () => {
  const documented = rowsOf(read('metrics.md')).map(({ cells }) => cells[0])

  test('has every metric of the product and no other', () => {
    expect(documented.sort()).toEqual(metricTable.map(({ name }) => `\`${metricPrefix}${name}\``).sort())
  })
})

test('a bar in a cell does not end it', () => {
  expect(markdownTable(['A', 'B'], [['a|b', 'c']])).toBe('| A | B |\n| --- | --- |\n| a\\|b | c |')
})

test.each(['README.md', ...readdirSync(docs).map((name) => `docs/${name}`)])(
  'every link of %s leads somewhere',
  (name) => {
    const page = new URL(`../../../${name}`, import.meta.url)
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
      ([, link]) => link!,
    )
    expect(links.filter((link) => !existsSync(new URL(link, page)))).toEqual([])
  },
)

test('every feature names a test', () => {
  const rows = read('features.md')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter((row) => !/\.test\.ts\) \|$/.test(row))).toEqual([])
})
