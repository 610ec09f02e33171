/** As much of fengari's C-like interface as lua.ts uses; the package has no types of its own. */
declare module 'fengari' {
  type State = { readonly state: unique symbol }
  type Bytes = Uint8Array
  const fengari: {
    readonly to_luastring: (text: string) => Bytes
    readonly to_jsstring: (bytes: Bytes) => string
    readonly lauxlib: {
      luaL_newstate(): State
      luaL_loadbuffer(L: State, source: Bytes, size: null, name: Bytes): number
      luaL_ref(L: State, table: number): number
    }
    readonly lualib: { luaL_openlibs(L: State): void }
    readonly lua: {
      readonly LUA_REGISTRYINDEX: number
      readonly LUA_TNIL: number
      readonly LUA_TBOOLEAN: number
      readonly LUA_TNUMBER: number
      readonly LUA_TSTRING: number
      readonly LUA_TTABLE: number
      lua_absindex(L: State, at: number): number
      lua_createtable(L: State, list: number, fields: number): void
      lua_gettop(L: State): number
      lua_next(L: State, table: number): number
      lua_pcall(L: State, args: number, results: number, handler: number): number
      lua_pop(L: State, count: number): void
      lua_pushboolean(L: State, value: boolean): void
      lua_pushjsfunction(L: State, run: (L: State) => number): void
      lua_pushlightuserdata(L: State, value: unknown): void
      lua_pushnil(L: State): void
      lua_pushnumber(L: State, value: number): void
      lua_pushstring(L: State, value: Bytes): void
      lua_rawgeti(L: State, table: number, index: number): number
      lua_rawseti(L: State, table: number, index: number): void
      lua_setfield(L: State, table: number, name: Bytes): void
      lua_setglobal(L: State, name: Bytes): void
      lua_toboolean(L: State, at: number): boolean
      lua_tonumber(L: State, at: number): number
      lua_tostring(L: State, at: number): Bytes
      lua_type(L: State, at: number): number
    }
  }
  export default fengari
}
