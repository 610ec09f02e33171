import { describe, expect, test } from '@jest/globals'
import { asCommandError, CommandError, exitCodes } from '../../../deploy/commands/errors.ts'
import { helpText } from '../../../deploy/commands/help.ts'
import { parseCommandLine } from '../../../deploy/commands/parse.ts'
import { type CommandName, commands, flagsOf } from '../../../deploy/commands/table.ts'
import { WorkerError } from '../../../shared/errors.ts'

const parse = (line: string) => parseCommandLine(line === '' ? [] : line.split(' '))
const names = Object.keys(commands) as CommandName[]

describe('a command line', () => {
  test.each([
    ['status', 'status', [], {}],
    ['status --watch --interval 5', 'status', [], { watch: true, interval: '5' }],
    ['--json status', 'status', [], { json: true }],
    ['job show abc --json', 'job show', ['abc'], { json: true }],
    ['job --json show abc', undefined, [], {}],
    ['dlq redrive --reason job --all', 'dlq redrive', [], { reason: 'job', all: true }],
    ['enqueue a/b.mp4 --video=12', 'enqueue', ['a/b.mp4'], { video: '12' }],
    ['drain --worker drain --yes', 'drain', [], { worker: 'drain', yes: true }],
  ])('%s', (line, command, args, flags) => {
    if (command === undefined) expect(() => parse(line)).toThrow('unknown command')
    else expect(parse(line)).toEqual({ kind: 'run', command, input: { args, flags: { ...flags } } })
  })

  test.each([
    ['stats', 'unknown command "stats"'],
    ['job', '"job" needs one more word: job show, job cancel, job retry'],
    ['job stop abc', 'unknown command "job stop"'],
    ['job show', 'ID is missing'],
    ['job show a b', '"b" is one word too many'],
    ['status --whatch', 'Unknown option "--whatch"'],
    ['status --watch=5', 'does not take an argument'],
    ['dlq list --reason', 'argument missing'],
    ['dlq drop --reason encode_failed --tenant=', '--tenant is empty'],
    ['dlq list --yes', 'Unknown option "--yes"'],
    ['--wrong', 'unknown flag --wrong'],
    ['help stats', 'unknown command "stats"'],
  ])('%s is refused with words that help', (line, words) => {
    let error: unknown
    try {
      parse(line)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(words) })
  })

  test.each([
    ['', undefined, undefined],
    ['--help', undefined, undefined],
    ['help', undefined, undefined],
    ['dlq --help', undefined, 'dlq'],
    ['help dlq', undefined, 'dlq'],
    ['help dlq list', 'dlq list', undefined],
    ['dlq list --help', 'dlq list', undefined],
    ['enqueue --help', 'enqueue', undefined],
  ])('"%s" asks for help', (line, command, group) => {
    expect(parse(line)).toEqual({ kind: 'help', command, group })
  })
})

describe('the help', () => {
  test('has a line for each command', () => {
    for (const name of names) expect(helpText(undefined)).toContain(`  ${name}`)
    const lines = helpText(undefined, 'dlq').split('\n')
    expect(lines.filter((line) => line.startsWith('  ')).every((line) => line.startsWith('  dlq '))).toBe(
      true,
    )
  })

  test.each(names)('of %s has every flag, and no line is too long for a terminal', (name) => {
    const text = helpText(name)
    for (const flag of Object.keys(flagsOf(name))) expect(text).toContain(`--${flag}`)
    const notes = text.split('\n').slice(1)
    expect(notes.filter((line) => line.length > 130)).toEqual([])
    expect(text).not.toContain('`')
  })

  test('of a command, as it is read', () => {
    expect(helpText('job cancel')).toMatchInlineSnapshot(`
"video-worker job cancel ID [flags]: stop a job, running or waiting

  ID      the job’s id
  --yes   do not ask
  --json  one JSON document instead of text for people
  --help  this text

A running job ends within 2 s; one that waits ends when a worker takes it. Either way its output is
removed and the API gets a fail with the code cancelled."
`)
  })
})

describe('an exit code', () => {
  test('is its own for each way to end', () => {
    const codes = Object.values(exitCodes).map(({ exit }) => exit)
    expect(new Set(codes).size).toBe(codes.length)
  })

  test.each([
    [new CommandError('refused', 'x'), 'refused', 77],
    [new WorkerError('config_invalid', 'x'), 'config_invalid', 78],
    [new WorkerError('redis_unavailable', 'x'), 'redis_unavailable', 69],
    [new WorkerError('reconcile_busy', 'x'), 'reconcile_busy', 1],
    [new TypeError('x'), 'internal', 70],
  ])('%p', (error, code, exit) => expect(asCommandError(error)).toEqual({ code, exit, message: 'x' }))
})
