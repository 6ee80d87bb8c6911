// The trivial server of bench/echo_server.cpp, made with the official TypeScript SDK.
//   node typescript_server.mjs [http]
import http from 'node:http';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

function make() {
  const server = new McpServer({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.registerTool('echo', {
    title: 'Echo',
    description: 'Gives back its text.',
    inputSchema: z.object({ text: z.string() }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  }, async ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
}

if (process.argv[2] === 'http') {
  const { toNodeHandler } = await import('@modelcontextprotocol/node');
  const web = http.createServer(toNodeHandler(createMcpHandler(make)));
  web.listen(0, '127.0.0.1', () => console.log(`port ${web.address().port}`));
} else {
  serveStdio(make);
}
