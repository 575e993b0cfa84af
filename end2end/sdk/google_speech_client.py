"""The simulator against `google-cloud-texttospeech` and `google-cloud-speech`, over REST."""

import io
import wave

import miniaudio
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.cloud import speech_v1 as speech
from google.cloud import texttospeech_v1 as tts

from simulator import equal, main, raised

US = tts.VoiceSelectionParams(language_code="en-US")
Encoding = tts.AudioEncoding


def client(kind, simulator, key="plenty"):
    """A client of `kind` for the test key `key`."""
    options = ClientOptions(
        api_key=simulator.keys["google_speech", key]["api_key"], api_endpoint=f"{simulator.base}/google_speech"
    )
    return kind(client_options=options, transport="rest")


def synthesize(made, text="Good morning", encoding=Encoding.MP3, retry=None, **more):
    """The sound of a text."""
    config = tts.AudioConfig(audio_encoding=encoding, **more)
    asked = {"input": tts.SynthesisInput(text=text), "voice": US, "audio_config": config}
    return made.synthesize_speech(asked, retry=retry).audio_content


def listen(made, content, **config):
    """What a recording says."""
    config = speech.RecognitionConfig(language_code="en-US", **config)
    return made.recognize(config=config, audio=speech.RecognitionAudio(content=content), retry=None)


def voices(simulator):
    found = client(tts.TextToSpeechClient, simulator).list_voices(language_code="en-US").voices
    equal([voice.name for voice in found], ["en-US-Standard-C", "en-US-Standard-D"])
    equal((found[0].ssml_gender.name, found[0].natural_sample_rate_hertz), ("FEMALE", 24_000))
    equal(len(client(tts.TextToSpeechClient, simulator).list_voices().voices), 4)


def synthesis(simulator):
    made = client(tts.TextToSpeechClient, simulator)
    played = miniaudio.decode(synthesize(made))
    assert abs(played.duration - 0.72) < 0.1 and max(played.samples) > 1_000, played
    for encoding in [Encoding.LINEAR16, Encoding.MULAW, Encoding.ALAW]:
        sound = synthesize(made, encoding=encoding, sample_rate_hertz=8_000)
        equal(sound[:4], b"RIFF")
        assert abs(miniaudio.decode(sound).duration - 0.72) < 0.01, encoding
    with wave.open(io.BytesIO(synthesize(made, encoding=Encoding.LINEAR16))) as sound:
        equal((sound.getframerate(), sound.getsampwidth(), sound.getnframes()), (24_000, 2, 17_280))
    equal(len(synthesize(made, encoding=Encoding.PCM, sample_rate_hertz=8_000)), 11_520)
    raised(exceptions.BadRequest, lambda: synthesize(made, "a" * 5_001))
    raised(exceptions.BadRequest, lambda: synthesize(made, speaking_rate=5))


def recognition(simulator):
    spoken = synthesize(client(tts.TextToSpeechClient, simulator), encoding=Encoding.MULAW, sample_rate_hertz=8_000)
    made = client(speech.SpeechClient, simulator)
    mulaw = {"encoding": speech.RecognitionConfig.AudioEncoding.MULAW, "sample_rate_hertz": 8_000}
    answer = listen(made, spoken, **mulaw)
    equal(answer.results[0].alternatives[0].transcript, "This is a recording of 0.7 seconds.")
    equal(answer.total_billed_time.total_seconds(), 1.0)
    simulator.control("POST", "/transcripts", {"text": "I would like a table."})
    equal(listen(made, spoken[44:], **mulaw).results[0].alternatives[0].transcript, "I would like a table.")
    raised(exceptions.BadRequest, lambda: listen(made, spoken[44:]))
    raised(exceptions.BadRequest, lambda: listen(made, bytes(8_000 * 61), **mulaw))


def refusals(simulator):
    for key, kind in [
        ("invalid", exceptions.BadRequest),
        ("restricted", exceptions.Forbidden),
        ("suspended", exceptions.Forbidden),
        ("throttled", exceptions.TooManyRequests),
        ("exhausted", exceptions.TooManyRequests),
        ("down", exceptions.ServiceUnavailable),
    ]:
        raised(kind, lambda: client(tts.TextToSpeechClient, simulator, key).list_voices(retry=None))
        raised(kind, lambda: listen(client(speech.SpeechClient, simulator, key), b"RIFF"))


def retries(simulator):
    simulator.fault("google_speech", kind="status", status=503)
    again = Retry(initial=0.1)
    equal(len(client(tts.TextToSpeechClient, simulator).list_voices(retry=again).voices), 4)
    equal([line["status"] for line in simulator.control("GET", "/journal")["items"]], [503, 200])


main("google-cloud-speech and -texttospeech", [voices, synthesis, recognition, refusals, retries])
