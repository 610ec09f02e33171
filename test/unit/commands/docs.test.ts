import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { commandsPage } from '../../../deploy/commands/docs.ts'
import { parseCommandLine } from '../../../deploy/commands/parse.ts'
import { type CommandSpec, commands, flagsOf } from '../../../deploy/commands/table.ts'
import { loadParts } from '../../../shared/config.ts'
import { required } from '../shared/config-required.ts'

test('docs/commands.md is what `node deploy/commands/docs.ts` writes', () => {
  expect(readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8')).toBe(commandsPage())
})

describe('what a page tells an operator to type', () => {
  const root = new URL('../../../', import.meta.url)
  const pages = ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)]
  const lines = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) => {
      const text = readFileSync(new URL(page, root), 'utf8').replaceAll(/\\\n\s*/g, '')
      const told = [...text.matchAll(/npx video-worker ([a-z][^`\n]*?)\s*(?:`|\n| #)/g)]
      return told.map(([, line = '']) => [line, page] as const)
    })

  test.each(lines)('%s (%s) is a command that is known, with all that it needs', (line) => {
    const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? []
    const parsed = parseCommandLine(words)
    if (parsed.kind !== 'run') throw new Error(`asks for ${parsed.kind}`)
    const needed = Object.entries(flagsOf(parsed.command)).filter(([, { doc }]) => doc.endsWith('(required)'))
    expect(Object.keys(parsed.input.flags)).toEqual(expect.arrayContaining(needed.map(([name]) => name)))
  })
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
