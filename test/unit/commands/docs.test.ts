import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { commandsPage } from '../../../deploy/commands/docs.ts'
import { parseCommandLine } from '../../../deploy/commands/parse.ts'
import { type CommandSpec, commands } from '../../../deploy/commands/table.ts'
import { loadParts } from '../../../shared/config.ts'
import { root } from '../house/sources.ts'
import { required } from '../shared/config-required.ts'

test('docs/commands.md is what `node deploy/commands/docs.ts` writes', () => {
  expect(readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8')).toBe(commandsPage())
})

/** Command lines of a page, in code or between backticks, without what stands behind them. */
const linesOf = (page: string) =>
  [...page.matchAll(/npx video-worker ((?=[a-z])(?:[^`\n#\\]|\\\n)+)/g)].map(([, line = '']) =>
    line.replaceAll('\\\n', ' ').trim(),
  )
const pages = ['README.md', ...globSync('docs/*.md', { cwd: root })]

test('every command line in the docs is one that is understood', () => {
  const lines = pages.flatMap((page) => linesOf(readFileSync(join(root, page), 'utf8')))
  expect(lines.length).toBeGreaterThan(30)
  for (const line of lines) {
    const words = [...line.matchAll(/["']([^"']*)["']|\S+/g)].map(([word, quoted]) => quoted ?? word)
    expect(() => parseCommandLine(words)).not.toThrow()
  }
})

describe('a command', () => {
  test.each(Object.entries<CommandSpec>(commands))(
    '%s needs the variables that its page names, and no others',
    (name, spec) => {
      const section = commandsPage().split(`\n## ${name}\n`)[1]!.split('\n## ')[0]!
      const words = /\nNeeds (.*)\.\s*$/.exec(section)![1]!
      const named = [...words.matchAll(/`(\w+)`/g)].map(([, variable]) => variable!)
      const env = Object.fromEntries(
        Object.entries(required).filter(([variable]) => named.includes(variable)),
      )
      expect(() => loadParts(env, spec.needs)).not.toThrow()
      for (const variable of named) {
        const { [variable]: _, ...rest } = env
        expect(() => loadParts(rest, spec.needs)).toThrow(`${variable} is required`)
      }
    },
  )

  test('is not disturbed by what is wrong elsewhere', () => {
    const wrong = {
      REDIS_HOST: 'a',
      LEASE_VISIBILITY_SECONDS: '2',
      R2_ENDPOINT: 'not an address',
      HTTP_PORT: 'x',
    }
    expect(loadParts(wrong, ['redis']).redis).toMatchObject({ host: 'a', port: 6379 })
    expect(() => loadParts({ ...wrong, REDIS_PORT: 'x' }, ['redis'])).toThrow('REDIS_PORT')
    expect(() => loadParts({ REDIS_URL: 'redis://a' }, ['redis'])).toThrow('use REDIS_HOST')
    expect(() => loadParts({ REDIS_URL: 'redis://a', VIDEO_BUCKET_NAME: 'x' }, ['redis'])).not.toThrow(
      'R2_BUCKET',
    )
    expect(() => loadParts(wrong, ['lease'])).toThrow('LEASE_VISIBILITY_SECONDS')
  })
})
