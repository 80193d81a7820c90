/** What a pod does whose volume is taken over by another one, on another node. */
export interface Workload {
  readonly what: string;
  readonly size: string;
  /** Commits numbers, and adds each to /tmp/acknowledged as soon as it is durable; what fails, to /tmp/failed. */
  readonly first: string;
  /** Says `found` and how many numbers there are from 1 on, without a gap, then commits more and says `wrote` each time. */
  readonly second: string;
  /** Says `found` and how many of the first pod's there are, as above; run in the second pod. */
  readonly count: string;
}

const COUNT = `awk '/^first/ { if (late || $2 != ++n) bad = 1 } /^second/ { late = 1 } END { print bad ? "bad" : "found", n + 0 }' /data/log`;
const APPEND = 'dd of=/data/log oflag=append conv=notrunc,fsync';

/** Adds lines to a file, and syncs each. A line of the first pod after one of the second is `bad`. */
export const FILE: Workload = {
  what: 'a file',
  size: '64Mi',
  first: `
i=1
while true; do
  if echo "first $i" | ${APPEND} 2>/tmp/error; then echo $i >>/tmp/acknowledged; i=$((i + 1)); else cat /tmp/error >>/tmp/failed; fi
  sleep 0.3
done`,
  second: `
${COUNT}
i=1
while echo "second $i" | ${APPEND} 2>/dev/null; do echo wrote $i; i=$((i + 1)); sleep 0.3; done; exit 1`,
  count: COUNT,
};

/** For a small machine; its default reserves much. */
const OPTIONS = [
  '--no-defaults --user=root --datadir=/data/db --socket=/tmp/socket --log-error=/tmp/log --skip-networking --skip-name-resolve',
  '--innodb-buffer-pool-size=8M --innodb-log-file-size=8M --innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=1',
  '--aria-pagecache-buffer-size=1M --key-buffer-size=64K --performance-schema=0',
].join(' ');
const CLIENT = 'mariadb --no-defaults --user=root --socket=/tmp/socket --batch --skip-column-names --unbuffered';
const START = `
mariadbd ${OPTIONS} &
until ${CLIENT} --execute 'SELECT 1' >/dev/null 2>&1; do kill -0 $! || { cat /tmp/log; exit 1; }; sleep 1; done`;
const ROWS = `
${CLIENT} --execute "CHECK TABLE proof.numbers EXTENDED" | grep -q 'OK$' || echo bad table
${CLIENT} --execute "SELECT IF(COUNT(*) = MAX(number), 'found', 'bad'), COUNT(*) FROM proof.numbers WHERE number < 1000000"`;

/** MariaDB commits rows. */
export const MARIADB: Workload = {
  what: 'a database of MariaDB',
  size: '512Mi',
  first: `
mariadb-install-db ${OPTIONS.replace('/data/db', '/tmp/db')} --auth-root-authentication-method=normal --skip-test-db >/dev/null || exit 1
cp -a /tmp/db /data/db || exit 1
${START}
${CLIENT} --execute 'CREATE DATABASE proof; CREATE TABLE proof.numbers (number INT PRIMARY KEY, filling CHAR(200)) ENGINE=InnoDB' || exit 1
for i in $(seq 1 999999); do echo "INSERT INTO proof.numbers VALUES ($i, REPEAT('x', 200)); SELECT $i;"; sleep 0.2; done |
  ${CLIENT} >>/tmp/acknowledged 2>>/tmp/failed
sleep infinity`,
  second: `
${START}
${ROWS}
i=1000000
while ${CLIENT} --execute "INSERT INTO proof.numbers VALUES ($i, '')"; do echo wrote $i; i=$((i + 1)); sleep 0.3; done; exit 1`,
  count: ROWS,
};
