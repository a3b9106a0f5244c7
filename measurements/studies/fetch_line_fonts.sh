#!/usr/bin/env bash
# Brings the freely licensed fonts (SIL Open Font License) that measurements/studies/draw_lines.py draws with into FOLDER. Needs npm.
#
#     measurements/studies/fetch_line_fonts.sh FOLDER
set -euo pipefail
mkdir -p "$1" && cd "$1"

fetch() { # package@version, file within it, name here
  local archive
  archive=$(npm pack --silent "@expo-google-fonts/$1" | tail -n 1)
  tar -xzOf "$archive" "package/$2" >"$3"
  rm "$archive"
}

fetch anton@0.4.2 400Regular/Anton_400Regular.ttf anton.ttf
fetch bangers@0.4.1 400Regular/Bangers_400Regular.ttf bangers.ttf
fetch lilita-one@0.4.1 400Regular/LilitaOne_400Regular.ttf lilita-one.ttf
fetch comic-neue@0.4.1 700Bold/ComicNeue_700Bold.ttf comic-neue.ttf
fetch luckiest-guy@0.4.1 400Regular/LuckiestGuy_400Regular.ttf luckiest-guy.ttf
fetch permanent-marker@0.4.0 400Regular/PermanentMarker_400Regular.ttf permanent-marker.ttf
fetch ma-shan-zheng@0.4.2 400Regular/MaShanZheng_400Regular.ttf ma-shan-zheng.ttf
fetch zcool-qingke-huangyou@0.4.1 400Regular/ZCOOLQingKeHuangYou_400Regular.ttf zcool-huangyou.ttf
fetch zcool-kuaile@0.4.2 400Regular/ZCOOLKuaiLe_400Regular.ttf zcool-kuaile.ttf
