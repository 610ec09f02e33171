/** `aws` and `docker` as programs on PATH that write down how they were called, and answer from what a test laid down. */
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../unit/house/sources.ts'

export interface Answer {
  /** Of standard output. */
  readonly text?: string
  readonly exit?: number
}

export interface Release {
  /** What a call says, by `aws ssm get-parameter` or `docker login`: one after the other, the last one for ever. */
  answer(call: string, ...answers: Answer[]): void
  run(script: string, args: string[], env?: Record<string, string>): Promise<Ended>
  /** Command lines, in order; what came through standard input stands behind ` < `. */
  calls(): string[]
  remove(): void
}

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The first words that are no options name the call; its answers are files `NAME.1`, `NAME.2`, … */
const program = `#!/bin/bash
name=$(basename "$0")
words=$name
for word in "$@"; do
  case "$word" in -*) break ;; esac
  words="$words $word"
done
line="$name $*"
case "$*" in *--password-stdin*) line="$line < $(cat)" ;; esac
printf '%s\\n' "$line" >> "$FAKES/calls"
file="$FAKES/\${words// /-}"
count=$(( $(cat "$file.count" 2>/dev/null || echo 0) + 1 ))
echo "$count" > "$file.count"
while [ "$count" -gt 0 ] && [ ! -e "$file.$count" ]; do count=$((count - 1)); done
[ "$count" -gt 0 ] || { echo "no answer to: $words" >&2; exit 99; }
for previous in "$@"; do
  [ "\${take:-}" = yes ] && cp "$file.$count" "$previous" && exit "$(cat "$file.$count.exit")"
  take=$([ "$previous" = --metadata-file ] && echo yes)
done
cat "$file.$count"
exit "$(cat "$file.$count.exit")"
`

export function fakeRelease(): Release {
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-release-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(folder, 'calls'), '')
  for (const name of ['aws', 'docker']) writeFileSync(join(bin, name), program, { mode: 0o755 })
  return {
    answer(call, ...answers) {
      const file = join(folder, call.replaceAll(' ', '-'))
      for (const old of globSync(`${file}.*`)) rmSync(old)
      for (const [index, { text = '', exit = 0 }] of answers.entries()) {
        writeFileSync(`${file}.${index + 1}`, text === '' ? '' : `${text}\n`)
        writeFileSync(`${file}.${index + 1}.exit`, String(exit))
      }
    },
    run: (script, args, env = {}) =>
      new Promise((resolve) => {
        const settings = {
          FAKES: folder,
          PATH: `${bin}:${process.env.PATH}`,
          HOME: folder,
          POLL_SECONDS: '0',
        }
        const options = { env: { ...settings, AWS_REGION: 'ap-northeast-2', ...env }, timeout: 60_000 }
        execFile(join(root, 'deploy/release', script), args, options, (error, out, err) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
        )
      }),
    calls: () => readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n').filter(Boolean),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
