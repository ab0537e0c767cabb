// The player of a report: clips of a skinned mouse, turned with the pointer. No library, no network.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("clips").textContent);
  const find = (id) => document.getElementById(id);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const floats = (text) => new Float32Array(bytes(text));
  const stick = find("stick"), skin = find("skin"), plot = find("plot");
  const pen = stick.getContext("2d"), line = plot.getContext("2d");
  const K = data.names.length;
  // 2.15 standard deviations hold 90 % in the plane of the picture, 1.64 along one axis.
  const REGION_90 = 2.146, BAND_90 = 1.645;
  let clip = null, frame = 0, playing = false, last = 0, turn = -0.9, tilt = 0.5, zoom = 1;

  const clips = data.clips.map((one) => ({
    ...one, points: floats(one.points), covariance: floats(one.covariance),
    state: new Uint8Array(bytes(one.state)), bones: one.bones && floats(one.bones),
    drive: one.drive && floats(one.drive), middle: floats(one.middle),
  }));

  // ---- the skin: linear blend skinning as the body model does it, drawn by WebGL
  const mesh = data.mesh && {
    rest: floats(data.mesh.vertices), faces: new Uint16Array(bytes(data.mesh.faces)),
    start: new Uint32Array(bytes(data.mesh.start)), bone: new Uint8Array(bytes(data.mesh.bone)),
    weight: floats(data.mesh.weight), bulges: new Int16Array(bytes(data.mesh.bulges)),
    unit: data.mesh.bulge_unit, count: data.mesh.bulge_count,
  };
  const gl = mesh && skin.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
  const place = mesh && new Float32Array(mesh.rest.length);
  const normal = mesh && new Float32Array(mesh.rest.length);
  let program = null;

  function shader(kind, text) {
    const made = gl.createShader(kind);
    gl.shaderSource(made, text);
    gl.compileShader(made);
    return made;
  }

  if (gl) {
    program = gl.createProgram();
    gl.attachShader(program, shader(gl.VERTEX_SHADER, `
      attribute vec3 place, normal; uniform mat3 view; uniform vec3 middle; uniform vec2 scale;
      varying vec3 n;
      void main() {
        vec3 p = view * (place - middle); n = view * normal;
        gl_Position = vec4(p.xy * scale, -p.z / 1000.0, 1.0);
      }`));
    gl.attachShader(program, shader(gl.FRAGMENT_SHADER, `
      precision mediump float; varying vec3 n;
      void main() {
        float light = 0.42 + 0.58 * max(0.0, dot(normalize(n), normalize(vec3(0.3, 0.6, 0.8))));
        gl_FragColor = vec4(vec3(0.76, 0.70, 0.64) * light, 1.0);
      }`));
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.faces, gl.STATIC_DRAW);
    for (const name of ["place", "normal"]) {
      mesh[name] = gl.createBuffer();
    }
  }

  function pose(t) {
    const joints = clip.bones.length / clip.frames / 12, at = t * joints * 12;
    const amount = mesh.rest.length / 3;
    for (let v = 0; v < amount; v++) {
      let x = mesh.rest[3 * v], y = mesh.rest[3 * v + 1], z = mesh.rest[3 * v + 2];
      for (let p = 0; p < mesh.count; p++) {
        const far = clip.drive[t * mesh.count + p] * mesh.unit, own = 3 * (p * amount + v);
        x += far * mesh.bulges[own];
        y += far * mesh.bulges[own + 1];
        z += far * mesh.bulges[own + 2];
      }
      let X = 0, Y = 0, Z = 0;
      for (let k = mesh.start[v]; k < mesh.start[v + 1]; k++) {
        const m = at + 12 * mesh.bone[k], w = mesh.weight[k], b = clip.bones;
        X += w * (b[m] * x + b[m + 1] * y + b[m + 2] * z + b[m + 3]);
        Y += w * (b[m + 4] * x + b[m + 5] * y + b[m + 6] * z + b[m + 7]);
        Z += w * (b[m + 8] * x + b[m + 9] * y + b[m + 10] * z + b[m + 11]);
      }
      place[3 * v] = X; place[3 * v + 1] = Y; place[3 * v + 2] = Z;
    }
    normal.fill(0);
    const f = mesh.faces;
    for (let i = 0; i < f.length; i += 3) {
      const a = 3 * f[i], b = 3 * f[i + 1], c = 3 * f[i + 2];
      const ux = place[b] - place[a], uy = place[b + 1] - place[a + 1], uz = place[b + 2] - place[a + 2];
      const vx = place[c] - place[a], vy = place[c + 1] - place[a + 1], vz = place[c + 2] - place[a + 2];
      const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
      for (const s of [a, b, c]) { normal[s] += nx; normal[s + 1] += ny; normal[s + 2] += nz; }
    }
  }

  // ---- the view: right, up and towards the eye as rows
  function axes() {
    const c = Math.cos(turn), s = Math.sin(turn), C = Math.cos(tilt), S = Math.sin(tilt);
    return [[c, s, 0], [-s * S, c * S, C], [s * C, -c * C, S]];
  }

  const dot = (row, x, y, z) => row[0] * x + row[1] * y + row[2] * z;

  function fit(canvas) {
    const wide = canvas.clientWidth, high = canvas.clientHeight, dense = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(wide * dense) || canvas.height !== Math.round(high * dense)) {
      canvas.width = Math.round(wide * dense);
      canvas.height = Math.round(high * dense);
    }
    return [wide, high, dense];
  }

  function draw() {
    if (!clip) return;
    const [wide, high, dense] = fit(stick);
    const view = axes(), scale = zoom * Math.min(wide, high) / 130;
    const follow = find("follow").checked ? frame : 0;
    const middle = clip.middle.subarray(3 * follow, 3 * follow + 3);
    drawSkin(view, middle, scale, wide, high);
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const onto = (x, y, z) => [
      wide / 2 + scale * dot(view[0], x - middle[0], y - middle[1], z - middle[2]),
      high / 2 - scale * dot(view[1], x - middle[0], y - middle[1], z - middle[2]),
    ];
    drawFloor(onto, middle);
    drawMouse(onto, view, scale);
    drawPlot();
    find("moment").textContent = `frame ${clip.numbers[frame]} · ${clip.times[frame].toFixed(3)} s`;
    find("place").value = frame;
  }

  function drawSkin(view, middle, scale, wide, high) {
    if (!gl) return;
    fit(skin);
    gl.viewport(0, 0, skin.width, skin.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!find("show-skin").checked || !clip.bones || !Number.isFinite(clip.middle[3 * frame])) return;
    pose(frame);
    for (const [name, values] of [["place", place], ["normal", normal]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh[name]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
      const at = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
    }
    const columns = [0, 1, 2].flatMap((c) => view.map((row) => row[c]));
    gl.uniformMatrix3fv(gl.getUniformLocation(program, "view"), false, columns);
    gl.uniform3fv(gl.getUniformLocation(program, "middle"), middle);
    gl.uniform2f(gl.getUniformLocation(program, "scale"), 2 * scale / wide, 2 * scale / high);
    gl.drawElements(gl.TRIANGLES, mesh.faces.length, gl.UNSIGNED_SHORT, 0);
  }

  function drawFloor(onto, middle) {
    const step = 20, reach = 100;
    const x0 = Math.round(middle[0] / step) * step, y0 = Math.round(middle[1] / step) * step;
    pen.strokeStyle = "rgba(120,120,120,0.35)";
    pen.lineWidth = 0.7;
    for (let d = -reach; d <= reach; d += step) {
      for (const ends of [[[x0 + d, y0 - reach], [x0 + d, y0 + reach]],
                          [[x0 - reach, y0 + d], [x0 + reach, y0 + d]]]) {
        pen.beginPath();
        pen.moveTo(...onto(...ends[0], 0));
        pen.lineTo(...onto(...ends[1], 0));
        pen.stroke();
      }
    }
  }

  function drawMouse(onto, view, scale) {
    const at = frame * K, flat = [];
    for (let k = 0; k < K; k++) {
      const p = 3 * (at + k);
      flat.push(onto(clip.points[p], clip.points[p + 1], clip.points[p + 2]));
    }
    const known = (k) => clip.state[at + k] > 0 && Number.isFinite(flat[k][0]);
    if (find("show-regions").checked) {
      for (let k = 0; k < K; k++) if (known(k)) drawRegion(at + k, flat[k], view, scale, k);
    }
    for (const [a, b] of data.edges) {
      if (!known(a) || !known(b)) continue;
      pen.setLineDash(clip.state[at + b] === 2 ? [] : [3, 3]);
      pen.strokeStyle = data.colours[b];
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(...flat[a]);
      pen.lineTo(...flat[b]);
      pen.stroke();
    }
    pen.setLineDash([]);
    for (let k = 0; k < K; k++) {
      if (!known(k)) continue;
      pen.beginPath();
      pen.arc(flat[k][0], flat[k][1], 3.6, 0, 7);
      pen.fillStyle = clip.state[at + k] === 2 ? data.colours[k] : "#ffffff";
      pen.strokeStyle = data.colours[k];
      pen.lineWidth = 1.4;
      pen.fill();
      pen.stroke();
    }
  }

  function drawRegion(at, middle, view, scale, k) {
    const c = clip.covariance.subarray(6 * at, 6 * at + 6); // xx xy xz yy yz zz
    const full = [[c[0], c[1], c[2]], [c[1], c[3], c[4]], [c[2], c[4], c[5]]];
    const flat = (r, s) => full.reduce((sum, row, i) => sum + r[i] * dot(row, ...s), 0);
    const xx = flat(view[0], view[0]), xy = -flat(view[0], view[1]), yy = flat(view[1], view[1]);
    const half = (xx + yy) / 2, off = Math.hypot((xx - yy) / 2, xy);
    if (!Number.isFinite(off)) return;
    pen.beginPath();
    pen.ellipse(middle[0], middle[1],
      Math.min(80, REGION_90 * Math.sqrt(Math.max(half + off, 0))) * scale,
      Math.min(80, REGION_90 * Math.sqrt(Math.max(half - off, 0))) * scale,
      0.5 * Math.atan2(2 * xy, xx - yy), 0, 7);
    pen.globalAlpha = 0.08;
    pen.fillStyle = data.colours[k];
    pen.fill();
    pen.globalAlpha = 1;
  }

  // ---- the height of one keypoint in time, with its 90 % band and the shown moment
  function drawPlot() {
    const [wide, high, dense] = fit(plot), k = Number(find("keypoint").value) || 0;
    line.setTransform(dense, 0, 0, dense, 0, 0);
    line.clearRect(0, 0, wide, high);
    const value = (t) => clip.points[3 * (t * K + k) + 2];
    const half = (t) => BAND_90 * Math.sqrt(Math.max(clip.covariance[6 * (t * K + k) + 5], 0));
    const all = [...Array(clip.frames).keys()].filter((t) => Number.isFinite(value(t) + half(t)));
    if (!all.length) return;
    const low = Math.min(...all.map((t) => value(t) - half(t)));
    const top = Math.max(...all.map((t) => value(t) + half(t)), low + 1);
    const x = (t) => 42 + (wide - 52) * t / Math.max(1, clip.frames - 1);
    const y = (mm) => high - 16 - (high - 24) * (mm - low) / (top - low);
    line.beginPath();
    all.forEach((t) => line.lineTo(x(t), y(value(t) + half(t))));
    [...all].reverse().forEach((t) => line.lineTo(x(t), y(value(t) - half(t))));
    line.fillStyle = "rgba(0,114,178,0.16)";
    line.fill();
    line.beginPath();
    all.forEach((t) => line.lineTo(x(t), y(value(t))));
    line.strokeStyle = "#0072B2";
    line.lineWidth = 1.6;
    line.stroke();
    line.beginPath();
    line.moveTo(x(frame), 4);
    line.lineTo(x(frame), high - 16);
    line.strokeStyle = "#222222";
    line.lineWidth = 1;
    line.stroke();
    line.fillStyle = "#555555";
    line.font = "11px sans-serif";
    line.fillText(top.toFixed(0) + " mm", 2, 14);
    line.fillText(low.toFixed(0), 2, high - 18);
    line.fillText(clip.times[0].toFixed(2) + " s", 42, high - 3);
    const end = clip.times[clip.frames - 1].toFixed(2) + " s";
    line.fillText(end, wide - 12 - line.measureText(end).width, high - 3);
  }

  // ---- what the reader does
  function choose(index) {
    clip = clips[index];
    frame = 0;
    find("place").max = clip.frames - 1;
    find("why").textContent = clip.why;
    document.querySelectorAll("#choices button").forEach((one, n) => {
      one.setAttribute("aria-pressed", n === index);
    });
    draw();
  }

  function play(wanted) {
    playing = wanted;
    find("play").textContent = playing ? "Pause" : "Play";
    last = performance.now();
    if (playing) requestAnimationFrame(next);
  }

  function next(now) {
    if (!playing) return;
    const pause = 1000 * clip.interval / Number(find("speed").value);
    if (now - last >= pause) {
      frame = (frame + Math.max(1, Math.floor((now - last) / pause))) % clip.frames;
      last = now;
      draw();
    }
    requestAnimationFrame(next);
  }

  clips.forEach((one, index) => {
    const button = document.createElement("button");
    button.textContent = one.title;
    button.onclick = () => choose(index);
    find("choices").append(button);
  });
  data.names.forEach((name, k) => find("keypoint").append(new Option(name, k)));
  find("play").onclick = () => play(!playing);
  find("place").oninput = (event) => { play(false); frame = Number(event.target.value); draw(); };
  for (const id of ["show-skin", "show-regions", "follow", "keypoint"]) find(id).onchange = draw;
  stick.onpointerdown = (event) => stick.setPointerCapture(event.pointerId);
  stick.onpointermove = (event) => {
    if (!event.buttons) return;
    turn -= event.movementX / 150;
    tilt = Math.min(1.57, Math.max(-0.2, tilt + event.movementY / 150));
    draw();
  };
  stick.addEventListener("wheel", (event) => {
    zoom = Math.min(8, Math.max(0.3, zoom * Math.exp(-event.deltaY / 800)));
    event.preventDefault();
    draw();
  }, { passive: false });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
    play(false);
    frame = (frame + step + clip.frames) % clip.frames;
    draw();
  });
  window.addEventListener("resize", draw);
  window.addEventListener("beforeprint", draw);
  if (clips.length) choose(0);
})();
