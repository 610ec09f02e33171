/**
 * The real scripts of shared/lua in a Lua interpreter, over the model of Redis. Redis has Lua 5.1, whose numbers are all
 * doubles; fengari is 5.3, with integers of 32 bits beside them. So all that comes from Redis comes as doubles, the
 * time too, and numbers go back to it written as Redis writes them.
 */
import fengari from 'fengari'
import type { RedisModel, Reply } from './redis-model.ts'

const { lua, lauxlib, lualib, to_luastring: bytes, to_jsstring: text } = fengari
type State = ReturnType<typeof lauxlib.luaL_newstate>

const registry = lua.LUA_REGISTRYINDEX
const names = new Map<string, ReturnType<typeof bytes>>()

/** Names of fields and keys come again and again. */
function cached(value: string): ReturnType<typeof bytes> {
  let found = names.get(value)
  if (!found) {
    if (names.size > 5000) names.clear()
    found = bytes(value)
    names.set(value, found)
  }
  return found
}

export class LuaScripts {
  readonly #state: State = lauxlib.luaL_newstate()
  readonly #compiled = new Map<string, number>()
  #redis: RedisModel | undefined

  constructor() {
    const L = this.#state
    lualib.luaL_openlibs(L)
    lua.lua_createtable(L, 0, 1)
    setFunction(L, 'call', (state) => {
      const [name = '', ...args] = takeArguments(state)
      const reply = this.#redis!.call(name, ...args)
      push(state, name === 'TIME' ? (reply as string[]).map(Number) : reply)
      return 1
    })
    lua.lua_setglobal(L, cached('redis'))
    lua.lua_createtable(L, 0, 2)
    setFunction(L, 'decode', (state) => {
      pushJson(state, JSON.parse(text(lua.lua_tostring(state, 1))))
      return 1
    })
    setFunction(L, 'encode', (state) => {
      push(state, JSON.stringify(readJson(state, 1)))
      return 1
    })
    lua.lua_setglobal(L, cached('cjson'))
  }

  /** Runs a script as EVALSHA does; throws its error. */
  run(source: string, keys: readonly string[], args: readonly string[], redis: RedisModel): Reply {
    const L = this.#state
    this.#redis = redis
    push(L, [...keys])
    lua.lua_setglobal(L, cached('KEYS'))
    push(L, [...args])
    lua.lua_setglobal(L, cached('ARGV'))
    lua.lua_rawgeti(L, registry, this.#compile(source))
    const failed = lua.lua_pcall(L, 0, 1, 0) !== 0
    const reply = failed ? text(lua.lua_tostring(L, -1)) : read(L, -1)
    lua.lua_pop(L, 1)
    if (failed) throw new Error(`ERR ${reply}`)
    return reply
  }

  #compile(source: string): number {
    const known = this.#compiled.get(source)
    if (known !== undefined) return known
    const L = this.#state
    if (lauxlib.luaL_loadbuffer(L, bytes(source), null, bytes('script')) !== 0)
      throw new Error(`ERR ${text(lua.lua_tostring(L, -1))}`)
    const reference = lauxlib.luaL_ref(L, registry)
    this.#compiled.set(source, reference)
    return reference
  }
}

function setFunction(L: State, name: string, run: (state: State) => number): void {
  lua.lua_pushjsfunction(L, run)
  lua.lua_setfield(L, -2, cached(name))
}

function takeArguments(L: State): string[] {
  const count = lua.lua_gettop(L)
  return Array.from({ length: count }, (_, at) =>
    lua.lua_type(L, at + 1) === lua.LUA_TNUMBER
      ? String(lua.lua_tonumber(L, at + 1))
      : text(lua.lua_tostring(L, at + 1)),
  )
}

/** A reply of Redis as a script sees it: nil is false, a status a table that no script of ours looks at. */
function push(L: State, reply: Reply): void {
  if (reply === null) lua.lua_pushboolean(L, false)
  else if (typeof reply === 'string') lua.lua_pushstring(L, reply.length < 40 ? cached(reply) : bytes(reply))
  else if (typeof reply === 'number') lua.lua_pushnumber(L, reply)
  else {
    lua.lua_createtable(L, reply.length, 0)
    reply.forEach((each, at) => {
      push(L, each)
      lua.lua_rawseti(L, -2, at + 1)
    })
  }
}

/** What a script returns as Redis answers it: numbers lose their fractions, a list ends at its first nil. */
function read(L: State, at: number): Reply {
  switch (lua.lua_type(L, at)) {
    case lua.LUA_TNUMBER:
      return Math.trunc(lua.lua_tonumber(L, at))
    case lua.LUA_TSTRING:
      return text(lua.lua_tostring(L, at))
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, at) ? 1 : null
    case lua.LUA_TTABLE: {
      const list: Reply[] = []
      for (let index = 1; ; index++) {
        const type = lua.lua_rawgeti(L, at, index)
        const value = type === lua.LUA_TNIL ? undefined : read(L, lua.lua_gettop(L))
        lua.lua_pop(L, 1)
        if (value === undefined) return list
        list.push(value)
      }
    }
    default:
      return null
  }
}

type Json = string | number | boolean | null | { [name: string]: Json }

/** Objects of plain values: more no script of ours decodes. */
function pushJson(L: State, value: Json): void {
  if (value === null) lua.lua_pushlightuserdata(L, null)
  else if (typeof value === 'string') lua.lua_pushstring(L, bytes(value))
  else if (typeof value === 'number') lua.lua_pushnumber(L, value)
  else if (typeof value === 'boolean') lua.lua_pushboolean(L, value)
  else {
    lua.lua_createtable(L, 0, 8)
    for (const [name, each] of Object.entries(value)) {
      pushJson(L, each)
      lua.lua_setfield(L, -2, cached(name))
    }
  }
}

function readJson(L: State, at: number): Json {
  switch (lua.lua_type(L, at)) {
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(L, at)
    case lua.LUA_TSTRING:
      return text(lua.lua_tostring(L, at))
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, at)
    case lua.LUA_TTABLE: {
      const object: { [name: string]: Json } = {}
      const table = lua.lua_absindex(L, at)
      lua.lua_pushnil(L)
      while (lua.lua_next(L, table) !== 0) {
        object[text(lua.lua_tostring(L, -2))] = readJson(L, lua.lua_gettop(L))
        lua.lua_pop(L, 1)
      }
      return object
    }
    default:
      return null
  }
}
