import { describe, expect, test } from '@jest/globals'
import { parseEnvironment } from '../../../deploy/environment/parse.ts'
import { needsQuotes, renderEnvironment, tierFor } from '../../../deploy/environment/render.ts'
import { chance } from '../../bench/chance.ts'

const read = (text: string) => Object.fromEntries(parseEnvironment(text).variables)

describe('a line', () => {
  test.each([
    ['A=b', 'b'],
    ['  A = b  ', 'b'],
    ['export A=b', 'b'],
    ['A=', ''],
    ['A=a b', 'a b'],
    ['A=a=b==', 'a=b=='],
    ['A=a#b', 'a#b'],
    ['A=https://h/p?q=1&r=2', 'https://h/p?q=1&r=2'],
    ['A={"b": "c"}', '{"b": "c"}'],
    ['A="b c" # of no interest', 'b c'],
    ['A="a \\"b\\" $c \\\\ `d`"', 'a "b" $c \\ `d`'],
    ['A=\'a "b" $c \\ #d\'', 'a "b" $c \\ #d'],
    ['A=p@$w0rd!', 'p@$w0rd!'],
  ])('%s', (line, value) => {
    expect(parseEnvironment(line)).toMatchObject({ problems: [] })
    expect(read(line)).toEqual({ A: value })
  })

  test.each([
    ['a secret-1', 'is not NAME=value'],
    ['A: secret-1', 'is YAML'],
    ['$env:A="secret-1"', 'is PowerShell'],
    ['set A=secret-1', 'is a command of cmd.exe'],
    ['{ "A": "secret-1" }', 'is JSON'],
    ['1A=secret-1', 'is not NAME=value'],
    ['A=secret-1 #2', 'A has " #" in its value'],
    ['A=secret-1\\n', 'A has a backslash in its value'],
    ['A="secret-1', 'A has a " that does not end in its line'],
    ["A='secret-1'2", "A goes on behind its closing '"],
    ['A="secret-1\\nB"', 'A has an escape in its value'],
    ['A="secret-1\\\\\\$"', 'A has an escape in its value'],
    ["A='secret-1\\\\'", 'A has an escape in its value'],
    ["A='secret\\'", 'A has an escape in its value'],
    ['A="secret\\\\"', 'A ends with a backslash'],
    ['A=secret-1 DB_HOST=h SECRET_KEY=k', 'A holds another assignment in its value'],
    ['A=secret-1\u200b', 'A has an invisible character'],
    ['A=secret\u00a0-1', 'A has an invisible character'],
    ['A=“secret-1”', 'A has typographic quotes'],
    ['A=secret\u0007-1', 'A has a control character'],
  ])('%s is refused with its number, and no word of the value', (line, words) => {
    const { problems, variables } = parseEnvironment(`# first\n${line}\n`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`line 2: ${words}`)
    expect(problems[0]).not.toMatch(/secret/)
    expect(variables.size).toBe(0)
  })
})

describe('a file', () => {
  test('has its line ends in any of the three ways, empty lines and comments', () => {
    const { variables, problems, comments } = parseEnvironment('# one\r\nA=1\r\r\n\nB=2\n  # two\nC=3')
    expect([...variables]).toEqual([
      ['A', '1'],
      ['B', '2'],
      ['C', '3'],
    ])
    expect([problems, comments]).toEqual([[], 2])
  })

  test('may say the same twice, and not two things', () => {
    expect(parseEnvironment('A=1\nA=1\n').problems).toEqual([])
    expect(parseEnvironment('A=1\nB=2\nA=3\n').problems).toEqual([
      'line 3: A is there already, in line 1, with another value',
    ])
  })
})

test('what is written is read back the same, whatever the values hold', () => {
  const random = chance(7)
  const signs = [
    'a',
    'n',
    'Z',
    '0',
    ' ',
    '"',
    "'",
    '`',
    '$',
    '{',
    '}',
    '\\',
    '#',
    '=',
    '&',
    ';',
    '!',
    'é',
    '한',
  ]
  for (let round = 0; round < 500; round++) {
    const length = Math.floor(random() * 12)
    const value = Array.from({ length }, () => signs[Math.floor(random() * signs.length)]).join('')
    // No way to write it is read alike: refused before it could be stored.
    if (value.endsWith('\\')) continue
    const text = renderEnvironment(new Map([['A', value]]))
    const back = parseEnvironment(text)
    expect({ value, problems: back.problems, read: back.variables.get('A') }).toEqual({
      ...{ value, problems: [], read: value },
    })
  }
})

test('a value is bare where every reader takes it alike, and literal for docker', () => {
  const values = new Map([
    ['A', 'a b&c(d)!'],
    ['B', "it's $5"],
    ['C', ' x'],
    ['D', '$x'],
    ['E', "'\\x"],
  ])
  expect(renderEnvironment(values)).toBe(`A=a b&c(d)!\nB=it's $5\nC=' x'\nD='$x'\nE="'\\\\x"\n`)
  expect(renderEnvironment(values, 'docker')).toBe(`A=a b&c(d)!\nB=it's $5\nC= x\nD=$x\nE='\\x\n`)
  expect([...values.values()].map(needsQuotes)).toEqual([false, false, true, true, true])
})

describe('a size', () => {
  test.each([
    [4096, undefined, 'Standard'],
    [4097, undefined, 'Advanced'],
    [4097, 'Standard', 'Advanced'],
    [10, 'Advanced', 'Advanced'],
    [8192, 'Standard', 'Advanced'],
  ])('of %i bytes over %s is %s', (bytes, current, tier) => {
    expect(tierFor('x'.repeat(bytes), current)).toBe(tier)
  })

  test('above what any parameter holds is refused, counted in bytes', () => {
    expect(() => tierFor('é'.repeat(4097), undefined)).toThrow(
      expect.objectContaining({
        code: 'environment_too_large',
        message: expect.stringContaining('8194 bytes'),
      }),
    )
  })

  test('is no matter where a value looks like a reference', () => {
    expect(() => tierFor('A={{ssm:x}}\n', undefined)).toThrow('{{…}}')
  })
})
