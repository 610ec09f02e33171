/** Stands in for node:fs/promises under worker/job: scratch is a thing of the machine, and no decision hangs on it. */
const nothing = async (): Promise<undefined> => undefined
const picture = Buffer.from('a picture')

export const mkdir = nothing
export const rm = nothing
export const readFile = async (): Promise<Buffer> => picture

function absent(): never {
  throw new Error('the simulated scratch disk holds no files')
}
export const appendFile = absent
export const copyFile = absent
export const open = absent
export const readdir = absent
export const rename = absent
export const stat = absent
export const statfs = absent
export const unlink = absent
export const writeFile = absent
