// jest runs the same TypeScript that Node runs: types are stripped in place, so stack lines stay exact.
import { stripTypeScriptTypes } from 'node:module'

export default {
  process(source, path) {
    return { code: path.endsWith('.ts') ? stripTypeScriptTypes(source, { mode: 'strip' }) : source }
  },
  getCacheKey(source, path, options) {
    return `${process.version}:${path}:${options.configString.length}:${source.length}:${hash(source)}`
  },
}

function hash(text) {
  let h = 0
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0
  return h
}
