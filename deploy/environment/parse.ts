/**
 * Reads a .env as the readers of it do (systemd, docker, dotenv), and refuses what these read differently:
 * nothing is guessed, since a guess about a secret shows hours later. Problems name line and variable, never a value.
 */

/** What a .env says: names and values in their order. */
export type Variables = ReadonlyMap<string, string>

export interface ParsedEnvironment {
  readonly variables: Variables
  /** A sentence each, with the line's number in front. Empty: the text was understood whole. */
  readonly problems: readonly string[]
  /** Lines with a comment; they are not stored. */
  readonly comments: number
}

const assignment = /^(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)$/s

/** `text`: decoded (decode.ts), with any line ends. Never throws. Pure. */
export function parseEnvironment(text: string): ParsedEnvironment {
  const variables = new Map<string, string>()
  const firstLine = new Map<string, number>()
  const problems: string[] = []
  let comments = 0
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const say = (problem: string) => problems.push(`line ${index + 1}: ${problem}`)
    const plain = line.trim()
    if (plain === '') continue
    if (plain.startsWith('#')) {
      comments += 1
      continue
    }
    const [, name, rest] = assignment.exec(plain) ?? []
    if (name === undefined || rest === undefined) {
      say(otherSyntax(plain))
      continue
    }
    const value = readValue(rest.trim())
    if ('problem' in value) say(`${name} ${value.problem}`)
    else if (variables.has(name) && variables.get(name) !== value.text)
      say(`${name} is there already, in line ${firstLine.get(name)}, with another value`)
    else {
      variables.set(name, value.text)
      if (!firstLine.has(name)) firstLine.set(name, index + 1)
    }
  }
  return { variables, problems, comments }
}

/** Why a line is none of ours, in the words of whom it is one of. */
function otherSyntax(line: string): string {
  if (/^\$env:/i.test(line)) return 'is PowerShell, not NAME=value'
  if (/^set\s/i.test(line)) return 'is a command of cmd.exe, not NAME=value'
  if (/^[\w.-]+\s*:(\s|$)/.test(line)) return 'is YAML, not NAME=value'
  if (/^[{}"[\]]/.test(line)) return 'is JSON, not NAME=value'
  return 'is not NAME=value (a value over several lines cannot be stored: encode it, in base64 for example)'
}

type Value = { readonly text: string } | { readonly problem: string }

function readValue(rest: string): Value {
  const quote = rest[0]
  if (quote === '"' || quote === "'") return checked(quoted(rest, quote))
  // A comment to dotenv, a part of the value to systemd and docker.
  if (/\s#/.test(rest))
    return { problem: 'has " #" in its value: quote the value, or give the comment a line' }
  // A whole .env on one line, as an unquoted $(cat .env) leaves it: everything but its first name would be gone.
  if (/\s[A-Z][A-Z0-9_]{2,}=/.test(rest))
    return { problem: 'holds another assignment in its value: a line end is lost, or quotes are missing' }
  if (rest.includes('\\'))
    return { problem: 'has a backslash in its value: put it into double quotes, with two for each' }
  return checked({ text: rest })
}

/** Of escapes only those are taken that systemd and python-dotenv undo alike: a backslash before `"` and `\`, in double quotes. */
function quoted(rest: string, quote: '"' | "'"): Value {
  const whole = quote === "'" ? /^'([^']*)'(.*)$/s.exec(rest) : /^"((?:[^"\\]|\\.)*)"(.*)$/s.exec(rest)
  const [, inner, after = ''] = whole ?? []
  if (inner === undefined) return { problem: `has a ${quote} that does not end in its line` }
  if (after.trim() !== '' && !/^\s+#/.test(after)) return { problem: `goes on behind its closing ${quote}` }
  const escapes = quote === "'" ? /\\(\\|$)/ : /^(?:[^\\]|\\["\\])*\\[^"\\]/
  if (escapes.test(inner)) return { problem: 'has an escape in its value that not every reader undoes' }
  return { text: quote === "'" ? inner : inner.replace(/\\(["\\])/g, '$1') }
}

function checked(value: Value): Value {
  if ('problem' in value) return value
  if (/\p{Cc}/u.test(value.text)) return { problem: 'has a control character in its value' }
  if (/\p{Cf}|(?! )\p{Zs}/u.test(value.text))
    return { problem: 'has an invisible character in its value: type it anew' }
  // Before a closing quote it is an escape to one reader and none to the other.
  if (value.text.endsWith('\\')) return { problem: 'ends with a backslash, which no quotes make safe' }
  if (/^[“”„‘’‚«»]/.test(value.text)) return { problem: 'has typographic quotes: type plain ones, or none' }
  return value
}
