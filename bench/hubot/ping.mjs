export default robot => {
  robot.respond(/ping$/i, async res => res.send('pong'))
}
