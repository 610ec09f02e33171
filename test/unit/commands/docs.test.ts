import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { commandsPage } from '../../../deploy/commands/docs.ts'
import { type CommandSpec, commands } from '../../../deploy/commands/table.ts'
import { loadParts } from '../../../shared/config.ts'
import { required } from '../shared/config-required.ts'

test('docs/commands.md is what `node deploy/commands/docs.ts` writes', () => {
  expect(readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8')).toBe(commandsPage())
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
