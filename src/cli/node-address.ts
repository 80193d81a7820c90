import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { StowageError } from '../errors.ts';

/** An address that is nobody's (RFC 5737, TEST-NET-1): the way there is the default route. */
const ANYWHERE = '192.0.2.1';
const PORT = 9;

/**
 * The addresses from which this node's NFS mounts come: those of the option, with commas in between, or the one of the default route.
 * @throws 'invalid' for what is no address, and where there is no route and no option
 */
export async function readNodeAddresses(option: string | undefined): Promise<string[]> {
  const given = option ?? process.env.NODE_ADDRESS;
  if (given === undefined || given === '') return [await addressOfDefaultRoute()];
  const addresses = given.split(',');
  const wrong = addresses.find((address) => isIP(address) === 0);
  if (wrong === undefined) return addresses;
  throw new StowageError(
    'invalid',
    `--node-address ${JSON.stringify(given)}: ${JSON.stringify(wrong)} is no IP address`,
  );
}

/** Connecting a datagram socket chooses a route and sends nothing (udp(7)). */
function addressOfDefaultRoute(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const fail = (cause: Error) => {
      socket.close();
      reject(
        new StowageError(
          'invalid',
          'this node has no default route: give its address with --node-address or NODE_ADDRESS',
          {
            cause,
          },
        ),
      );
    };
    socket.once('error', fail);
    socket.connect(PORT, ANYWHERE, () => {
      const { address } = socket.address();
      socket.close();
      resolve(address);
    });
  });
}
