import { execFileSync } from 'node:child_process';
import type { Engine, Server } from './servers';

// Node 20 opens no SQLite file itself.
const SQLITE = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as database:
    row = database.execute(sys.argv[2]).fetchone()
    print(row[0] if row else "")
`;

/** Runs one statement behind Keyward's back, and answers the first value that it gives. */
export function query(engine: Engine, server: Server, sql: string): string {
  const [program, ...args] =
    engine === 'postgres'
      ? ['psql', '--no-psqlrc', '--tuples-only', '--no-align', '--quiet', '--command', sql, server.database]
      : ['python3', '-c', SQLITE, server.database.replace('sqlite:', ''), sql];
  return execFileSync(program!, args, { encoding: 'utf8' }).trim();
}
