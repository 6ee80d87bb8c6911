// The same work with sharp, at the size of file that Pillow writes: the same arguments and output as weir-bench-prepare.
import fs from 'node:fs';
import sharp from 'sharp';

const [source, target, size, count] = process.argv.slice(2);
const [width, height] = size.split('x').map(Number);
sharp.concurrency(1);
sharp.cache(false);
const cpu = [], wall = [];
for (let i = 0; i < Number(count); ++i) {
  const before = process.cpuUsage(), start = performance.now();
  await sharp(source).resize(width, height, { fit: 'cover', kernel: 'lanczos3' })
    .png({ compressionLevel: 2, adaptiveFiltering: true }).toFile(target);
  const used = process.cpuUsage(before);
  cpu.push((used.user + used.system) / 1e3);
  wall.push(performance.now() - start);
}
console.log(JSON.stringify({
  cpu_ms: cpu, wall_ms: wall, bytes: fs.statSync(target).size, peak_kib: Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]),
}));
