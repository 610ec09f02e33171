/** The files of deploy/host, as the programs see them that read them. */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from './sources.ts'

const folder = join(root, 'deploy/host')
const units = globSync('*.{service,slice}', { cwd: folder }).sort()
const services = units.filter((name) => name.endsWith('.service'))
const scripts = globSync('*.sh', { cwd: folder }).sort()

const page = () => readFileSync(join(root, 'docs/host.md'), 'utf8')

function suiteWith(program: string, what: string) {
  const { error } = spawnSync(program, ['--version'])
  if (!error) return describe
  console.warn(`SKIPPED: no ${program} on this machine, so ${what}`)
  return describe.skip
}

const systemd = suiteWith('systemd-analyze', 'no unit is verified')
systemd('systemd', () => {
  test('has nothing to say about the units', () => {
    const dir = mkdtempSync(join(tmpdir(), 'units-'))
    try {
      // Of what the machine of an instance brings.
      writeFileSync(join(dir, 'docker.service'), '[Service]\nExecStart=/bin/true\n')
      const paths = units.map((name) => join(folder, name))
      const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:${dir}:` }
      const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
        env,
        encoding: 'utf8',
      })
      expect({ said: stdout + stderr, status }).toEqual({ said: '', status: 0 })
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  // From 0 to 10; other versions of systemd look at other things, so less is as good.
  test.each(services)('finds %s no more exposed than its page says', (name) => {
    const [, most = ''] = new RegExp(`\\| \`${name}\` \\| ([\\d.]+) \\|`).exec(page()) ?? []
    const args = ['security', '--offline=true', '--no-pager', `--threshold=${Number(most) * 10}`]
    const { status, stdout } = spawnSync('systemd-analyze', [...args, join(folder, name)], {
      encoding: 'utf8',
    })
    expect({ status, said: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      status: 0,
      said: expect.stringContaining('Overall exposure level'),
    })
  })
})

const shellcheck = suiteWith('shellcheck', 'no shell script is checked')
shellcheck('shellcheck', () => {
  test.each(scripts)('has nothing to say about %s', (name) => {
    const { stdout, status } = spawnSync('shellcheck', ['--severity=style', join(folder, name)], {
      encoding: 'utf8',
    })
    expect({ said: stdout, status }).toEqual({ said: '', status: 0 })
  })
})

test('scripts can be run, and user data fits into the 16 KiB that EC2 takes, with room for its settings', () => {
  for (const name of scripts) expect(statSync(join(folder, name)).mode & 0o111).toBe(0o111)
  expect(statSync(join(folder, 'user-data.sh')).size).toBeLessThan(14 * 1024)
})

test('docs/host.md tells of every directive of the units, and of every file', () => {
  const text = page()
  const directives = units.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/^(\w+)=/gm)].map((match) => match[1] ?? ''),
  )
  const plain = ['Description', 'Documentation', 'WantedBy']
  const untold = [...new Set(directives)].filter(
    (name) => !plain.includes(name) && !text.includes(`\`${name}`),
  )
  expect(untold).toEqual([])
  expect([...units, ...scripts].filter((name) => !text.includes(basename(name)))).toEqual([])
})
